// The parameters of an OAuth request: a form in the body, each name once (RFC 6749 §3.2), and nothing in the
// query, which ends up in logs (§2.3.1).

import { isUtf8 } from 'node:buffer'
import type { Arrived } from '../http/door.ts'
import { OAuthProblem } from './problem.ts'

export interface Parameters {
  /** `undefined` where it is absent or empty, which is the same (RFC 6749 §3.2). */
  one(name: string): string | undefined
  all(name: string): readonly string[]
  /** Refuses the request where it is absent. */
  required(name: string): string
}

const mostBytes = 160 * 1024
/** What is longer is no token, assertion or scope of anyone's. */
const longest = 64 * 1024
const mostPairs = 64

/** The names that may come more than once (RFC 8707 §2, RFC 8693 §2.1). */
const repeatable: ReadonlySet<string> = new Set(['resource', 'audience'])

export function parametersIn(arrived: Arrived): Parameters {
  if (arrived.hasQuery) {
    throw invalid('Parameters belong in the body, never in the address.')
  }
  if (!isForm(arrived.headers['content-type'])) {
    throw invalid('The body must be application/x-www-form-urlencoded.')
  }
  const { body } = arrived
  if (body.length > mostBytes) throw new OAuthProblem('invalid_request', 'Too large.', 413)
  if (!isUtf8(body)) throw invalid('The body is not UTF-8.')
  const values = read(body.toString())
  const all = (name: string) => values.get(name) ?? []
  const one = (name: string) => all(name)[0]
  return {
    one,
    all,
    required(name) {
      const value = one(name)
      if (value === undefined) throw invalid(`${name} is missing.`)
      return value
    },
  }
}

function read(form: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  let pairs = 0
  for (const [name, value] of new URLSearchParams(form)) {
    pairs += 1
    if (pairs > mostPairs) throw invalid('There are too many parameters.')
    if (value.length > longest) throw invalid('A parameter is too long.')
    const known = values.get(name)
    if (known !== undefined && !repeatable.has(name)) {
      throw invalid('A parameter came more than once.')
    }
    values.set(name, [...(known ?? []), value])
  }
  return new Map(
    [...values].map(([name, given]) => [name, given.filter((value) => value !== '')] as const),
  )
}

const isForm = (type: unknown): boolean =>
  typeof type === 'string' &&
  /^application\/x-www-form-urlencoded\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type)

export const invalid = (description: string): OAuthProblem =>
  new OAuthProblem('invalid_request', description)
