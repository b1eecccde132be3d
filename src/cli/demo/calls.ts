// Calls as the story makes them: one is expected to be allowed or refused, and ends the demo otherwise.

import { promised } from './promise.ts'
import type { Answer, Connection, Fields } from './stage.ts'

export interface RefusalSeen {
  readonly code: string
  readonly message: string
  readonly missing?: readonly string[]
  readonly missing_at?: string
  readonly remedy?: Remedy
}

export interface Remedy {
  readonly text: string
  readonly operation?: string
  readonly arguments?: Fields
}

/** Who makes a call: one connection and, for a sub-agent, the token its harness puts into `_meta`. */
export interface Caller {
  allowed(operation: string, args?: Fields): Promise<Answer>
  refused(operation: string, code: string, args?: Fields): Promise<RefusalSeen>
}

export function callerOn(connection: Connection, token?: string): Caller {
  const meta = token === undefined ? undefined : { 'dev.remit/token': token }
  return {
    async allowed(operation, args) {
      const answer = await connection.call(operation, args, meta)
      const { error } = answer.result
      promised(!answer.isError, `${operation} is allowed (it said ${JSON.stringify(error)})`)
      return answer
    },
    async refused(operation, code, args) {
      const { isError, result } = await connection.call(operation, args, meta)
      const error = result['error'] as RefusalSeen | undefined
      const said = error?.code ?? 'allowed'
      promised(isError && said === code, `${operation} is refused with ${code} (it was ${said})`)
      return error as RefusalSeen
    },
  }
}

/** A refusal as lines; its caller has checked that `missing_at` is its own grant. */
export function because({ code, message, missing, missing_at, remedy }: RefusalSeen): string[] {
  promised(message !== '' && remedy !== undefined, 'the refusal explains itself')
  return [
    `${code}: ${message}`,
    ...(missing === undefined ? [] : [`missing: ${missing.join(' ')}`]),
    ...(missing_at === undefined ? [] : [`at:      ${missing_at}, its own grant`]),
    ...mending(remedy),
  ]
}

/** What would mend it, in words and as a call. */
export function mending({ text, operation, arguments: args = {} }: Remedy): string[] {
  if (operation === undefined) return [`remedy:  ${text}`]
  const call = Object.keys(args).length === 0 ? operation : `${operation} ${JSON.stringify(args)}`
  return [`remedy:  ${text}`, `call:    ${call}`]
}

/** A token that travelled beside the result, where no model reads it. */
export function tokenOf({ meta }: Answer): string {
  const token = meta['dev.remit/token']
  promised(typeof token === 'string' && token !== '', 'the token comes in _meta')
  return token
}

export const textOf = ({ result }: Answer, field: string): string => {
  const value = result[field]
  promised(typeof value === 'string' && value !== '', `the answer has ${field}`)
  return value
}

/** An object or array within an answer, by the names that lead to it. */
export function within(answer: Answer, ...path: readonly string[]): Fields {
  let value: unknown = answer.result
  for (const name of path) value = (value as Fields | undefined)?.[name]
  promised(typeof value === 'object' && value !== null, `the answer has ${path.join('.')}`)
  return value as Fields
}
