// The JSON in a request's body: declared as JSON, in UTF-8, and one value.

import { isUtf8 } from 'node:buffer'
import type { Arrived } from './door.ts'
import { Fault } from './faults.ts'

/** Refuses another content type as 415, anything but JSON as 400. */
export function jsonIn({ body, headers }: Pick<Arrived, 'body' | 'headers'>): unknown {
  if (!isJson(headers['content-type'])) throw new Fault('not_json')
  if (!isUtf8(body)) throw new Fault('bad_json')
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Fault('bad_json')
  }
}

/** `application/json`, with no charset but UTF-8 (RFC 8259 §8.1). */
const isJson = (type: string | string[] | undefined): boolean =>
  type === 'application/json' ||
  (typeof type === 'string' &&
    /^application\/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i.test(type))

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
