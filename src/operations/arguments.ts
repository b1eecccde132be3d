// From untrusted arguments to an operation's input: parsed once, strictly. Arguments that hold one of
// our secrets or tokens where none belongs are refused unechoed and kept nowhere (authority: rule 34).

import * as z from 'zod'
import type { Context } from '../authority/context.ts'
import { Refusal } from '../core/refusal.ts'
import { containsSecret, secretKindOf } from '../crypto/secret.ts'
import type { SecretKind } from '../crypto/secret.ts'
import { commonArguments, writeArguments } from './fields.ts'
import type { CommonArguments, Operation } from './operation.ts'

const schemas = new WeakMap<Operation, z.ZodObject>()

/** The whole input of an operation, strict, with the arguments that every operation takes. */
export function inputSchemaOf(operation: Operation): z.ZodObject {
  const known = schemas.get(operation)
  if (known !== undefined) return known
  const schema = z.strictObject({
    ...operation.input.shape,
    ...(operation.refusesActAs !== 'invalid_request' && commonArguments),
    ...(operation.effect !== 'read' && writeArguments),
  })
  schemas.set(operation, schema)
  return schema
}

export type Input = Record<string, unknown> & CommonArguments

/** The one argument of an operation that may hold such a thing: of that kind, or a JWT of ours. */
const takesSecret: Readonly<Record<string, readonly [string, SecretKind, 'jwt'?]>> = {
  introspect_token: ['token', 'opaque_token', 'jwt'],
  claim_handoff: ['handoff', 'handoff'],
}

/** Parses or refuses with `invalid_request`, naming parameters and never values. */
export function parseArguments(context: Context, operation: Operation, untrusted: unknown): Input {
  const given = untrusted === undefined ? {} : untrusted
  refuseSecrets(context, operation, isObject(given) ? given : { arguments: given })
  const parsed = inputSchemaOf(operation).safeParse(given)
  if (parsed.success) return parsed.data
  throw new Refusal('invalid_request', {
    message: `The arguments of ${operation.name} are not as they must be.`,
    failures: parsed.error.issues.flatMap(failuresOf).slice(0, 20),
    remedy: { text: 'See the input schema of the tool.' },
  })
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Names the parameter and the rule; of what the caller made up only what looks like a name is repeated. */
function failuresOf(issue: z.core.$ZodIssue) {
  const at = (path: readonly PropertyKey[], asked: string) => {
    const dimension = path.map(String).filter(looksLikeName).join('.') || 'arguments'
    return { code: 'invalid_request', dimension, asked } as const
  }
  if (issue.code !== 'unrecognized_keys') return [at(issue.path, messageOf(issue))]
  const named = issue.keys.filter(looksLikeName)
  if (named.length === 0) return [at(issue.path, 'unknown arguments')]
  return named.map((key) => at([...issue.path, key], 'is no argument here'))
}

const looksLikeName = (part: string): boolean => /^[a-z0-9_]{1,32}$/.test(part)

/** Kinds whose message names the rule and nothing of the value. */
const saysItself: ReadonlySet<string> = new Set([
  'custom',
  'too_big',
  'too_small',
  'invalid_format',
])

const messageOf = (issue: z.core.$ZodIssue): string =>
  saysItself.has(issue.code)
    ? issue.message
    : issue.code === 'invalid_value'
      ? `must be one of ${issue.values.join(', ')}`
      : issue.code === 'invalid_type'
        ? issue.message.endsWith('received undefined')
          ? 'is required'
          : `must be ${issue.expected}`
        : 'is malformed'

const deepest = 32

function refuseSecrets(context: Context, operation: Operation, given: Record<string, unknown>) {
  const [exempt, kind, orJwt] = takesSecret[operation.name] ?? []
  const belongs = (value: unknown): boolean =>
    typeof value === 'string' &&
    (secretKindOf(value) === kind || (orJwt === 'jwt' && !containsSecret(value)))
  const suspects = Object.entries(given).filter(
    ([name, value]) => name !== exempt || !belongs(value),
  )
  if (!suspects.some((entry) => holdsSecret(context, entry, 0))) return
  throw new Refusal('invalid_request', {
    message: 'An argument holds a secret or a token where none belongs.',
    remedy: {
      text: 'Rotate or revoke what was exposed; secrets travel in _meta, never as arguments.',
    },
    finding: 'secret_in_argument',
  })
}

function holdsSecret(context: Context, value: unknown, depth: number): boolean {
  if (depth > deepest) throw new Refusal('invalid_request', { message: 'Nested too deeply.' })
  if (typeof value === 'string') return saysSecret(context, value)
  if (Array.isArray(value)) return value.some((item) => holdsSecret(context, item, depth + 1))
  if (!isObject(value)) return false
  return Object.entries(value).some(
    ([key, item]) => holdsSecret(context, key, depth + 1) || holdsSecret(context, item, depth + 1),
  )
}

/** Whether a text holds one of our secrets or tokens. */
export const saysSecret = (context: Context, text: string): boolean =>
  containsSecret(text) || holdsOurToken(context, text)

/** A JWT of ours is known by its header, which is always the same for one key. */
function holdsOurToken({ ring, now }: Context, text: string): boolean {
  if (!text.includes('eyJ')) return false
  const headers = ring.verifiers('access_token', now()).keys()
  return [...headers].some((header) => text.includes(`${header}.`))
}
