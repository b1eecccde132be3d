// The credential of the process's environment (design: who is calling, 3). Exactly one source, read
// once and removed. Two of them end the start; one that cannot be used does not, but it is never skipped
// in favour of another, and every call is then refused (authority: rules 8 to 10).

import { resolve } from 'node:path'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { credentialVariables, secretByValue } from '../config.ts'
import type { Environment } from '../config.ts'
import { readPrivateKey } from '../crypto/private-jwk.ts'
import { secretKindOf } from '../crypto/secret.ts'
import type { Presented } from './presented.ts'
import { readPrivateFile } from './private-file.ts'

export interface EnvironmentCredential {
  readonly presented: Presented
  /** To be said on stderr; names of variables and files, never what they hold. */
  readonly warnings: readonly string[]
  /** The absolute path of the credential file, where the credential came from one. */
  readonly credentialFile?: string
}

type Variable = keyof typeof credentialVariables
type Form = 'credential_file' | 'secret' | 'api_key' | 'assertion' | 'private_key' | 'token'

/** Each variable that stands for a whole method; REMIT_AGENT_ID only completes two of them. */
const sources: Partial<Record<Variable, Form>> = {
  REMIT_CREDENTIAL_FILE: 'credential_file',
  REMIT_AGENT_SECRET: 'secret',
  REMIT_AGENT_SECRET_FILE: 'secret',
  REMIT_API_KEY: 'api_key',
  REMIT_API_KEY_FILE: 'api_key',
  REMIT_CLIENT_ASSERTION: 'assertion',
  REMIT_CLIENT_ASSERTION_FILE: 'assertion',
  REMIT_PRIVATE_KEY_FILE: 'private_key',
  REMIT_TOKEN: 'token',
  REMIT_TOKEN_FILE: 'token',
}

const longest = 64 * 1024

/**
 * Takes the credential out of `env`. Refuses two methods, and one that is empty or unexpanded beside
 * another, as `invalid_request`, naming them.
 */
export function takeEnvironmentCredential(env: Environment, home: string): EnvironmentCredential {
  const taken = take(env)
  const present = [...taken.keys()].filter((name) => sources[name] !== undefined)
  const only = present.find((name) => isSet(taken.get(name) ?? ''))
  if (only === undefined) return withoutSource(taken)
  const form = sources[only] as Form
  const needsAgent = form === 'secret' || form === 'assertion' || form === 'private_key'
  const others = present.filter((name) => name !== only)
  if (!needsAgent && taken.has('REMIT_AGENT_ID')) others.push('REMIT_AGENT_ID')
  if (others.length > 0) throw tooMany([only, ...others])
  return read(only, form, taken, home)
}

/** The credential file at a path, as the command line falls back to it. */
export function presentedFromFile(path: string): Presented | string {
  const file = readPrivateFile(path)
  if (!file.ok) return file.why
  const parsed = parseCredentialFile(file.text)
  return parsed ?? 'is not a credential file'
}

function take(env: Environment): Map<Variable, string> {
  const taken = new Map<Variable, string>()
  for (const name of Object.keys(credentialVariables) as Variable[]) {
    const value = env[name]
    if (value !== undefined) taken.set(name, value)
    delete env[name]
  }
  return taken
}

/** Nothing is set: what is only unexpanded counts as unset, anything else is there and cannot be used. */
function withoutSource(taken: ReadonlyMap<Variable, string>): EnvironmentCredential {
  const names = [...taken.keys()]
  const unexpanded = names.filter((name) => isUnexpanded(taken.get(name) ?? ''))
  const warnings = unexpanded.map((name) => `${name} holds a \${…} that nothing expanded: not set.`)
  const rest = names.filter((name) => !unexpanded.includes(name))
  if (rest.length === 0) return { presented: { kind: 'nothing' }, warnings }
  const faults = rest.map((name) =>
    name === 'REMIT_AGENT_ID' && taken.get(name) !== ''
      ? 'REMIT_AGENT_ID is set without a secret or an assertion.'
      : `${name} is set but empty.`,
  )
  return unusable([...warnings, ...faults])
}

function read(
  name: Variable,
  form: Form,
  taken: ReadonlyMap<Variable, string>,
  home: string,
): EnvironmentCredential {
  const named = taken.get(name) ?? ''
  if (form === 'credential_file') return readCredentialFile(name, resolve(home, named))
  const byValue = !name.endsWith('_FILE')
  const file = byValue ? ({ ok: true, text: named } as const) : readPrivateFile(resolve(named))
  if (!file.ok) return unusable([`${name}: ${resolve(named)} ${file.why}.`])
  const value = byValue ? file.text : file.text.replace(/\r?\n$/, '')
  const warnings = byValue ? [secretByValue(name)] : []
  if (value === '' || value.length > longest) {
    return unusable([...warnings, `${name} is ${value === '' ? 'empty' : 'too long'}.`])
  }
  const agentId = taken.get('REMIT_AGENT_ID')
  switch (form) {
    case 'api_key':
      return { presented: { kind: 'api_key', presentedSecret: value }, warnings }
    case 'token':
      return { presented: { kind: 'token', presentedToken: value }, warnings }
    case 'secret':
    case 'private_key':
    case 'assertion': {
      if (agentId === undefined || !isId('agt', agentId)) {
        return unusable([...warnings, `${name} needs REMIT_AGENT_ID, an id that begins with agt_.`])
      }
      if (form === 'private_key') {
        const presented = privateKeyIn(agentId, parseObject(value) ?? value)
        if (presented !== undefined) return { presented, warnings }
        return unusable([`${name} holds no private key that agents may use (JWK or PEM).`])
      }
      return form === 'secret'
        ? { presented: { kind: 'secret', agentId, presentedSecret: value }, warnings }
        : { presented: { kind: 'assertion', agentId, presentedAssertion: value }, warnings }
    }
  }
}

function readCredentialFile(name: Variable, path: string): EnvironmentCredential {
  const presented = presentedFromFile(path)
  if (typeof presented === 'string') return unusable([`${name}: ${path} ${presented}.`])
  return { presented, warnings: [], credentialFile: path }
}

/** `{ agent_id, credential_id, secret }` or with a `private_jwk`; a secret's prefix says which kind it is. */
function parseCredentialFile(text: string): Presented | undefined {
  const untrusted = parseObject(text)
  const { agent_id: agentId, credential_id: credentialId, secret } = untrusted ?? {}
  if (typeof agentId !== 'string' || !isId('agt', agentId)) return undefined
  if (typeof credentialId !== 'string' || !isId('crd', credentialId)) return undefined
  const { private_jwk: privateJwk } = untrusted ?? {}
  if (secret === undefined && privateJwk !== undefined) return privateKeyIn(agentId, privateJwk)
  if (typeof secret !== 'string' || secret === '') return undefined
  return secretKindOf(secret) === 'api_key'
    ? { kind: 'api_key', presentedSecret: secret }
    : { kind: 'secret', agentId, presentedSecret: secret }
}

/** A private JWK, one in a file that `remit keygen` wrote, or PEM. */
function privateKeyIn(agentId: string, kept: unknown): Presented | undefined {
  const inFile = typeof kept === 'object' && kept !== null && 'private_jwk' in kept
  const key = inFile ? kept.private_jwk : kept
  if (typeof key !== 'string' && (typeof key !== 'object' || key === null)) return undefined
  const presentedKey = readPrivateKey(key)
  return presentedKey && { kind: 'private_key', agentId, presentedKey }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const isUnexpanded = (value: string): boolean => /^\s*\$\{[^}]*\}\s*$/.test(value)
const isSet = (value: string): boolean => value.trim() !== '' && !isUnexpanded(value)

const unusable = (faults: readonly string[]): EnvironmentCredential => ({
  presented: { kind: 'unusable' },
  warnings: [...faults, 'The credential in the environment cannot be used: every call is refused.'],
})

const tooMany = (names: readonly string[]): Refusal =>
  new Refusal('invalid_request', {
    message: `The environment must name one credential, not several: ${names.join(', ')}.`,
    remedy: { text: 'Unset all but one of them, and those that are empty or were not expanded.' },
  })
