// The JSON in a request's body: declared as JSON, UTF-8, and one value.

import { isUtf8 } from 'node:buffer'
import type { Ask } from './door.ts'
import { Fault } from './faults.ts'

/** Refuses another content type as 415 and anything but JSON as 400. */
export function jsonIn(ask: Ask): unknown {
  const { body } = ask.env.arrived
  if (!isJson(ask.req.header('content-type'))) throw new Fault('not_json')
  if (!isUtf8(body)) throw new Fault('bad_json')
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Fault('bad_json')
  }
}

/** `application/json`, with no charset but UTF-8 (RFC 8259 §8.1). */
const isJson = (type: string | undefined): boolean =>
  /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type ?? '')
