// What can be wrong with an HTTP message before anything in it is understood. Each has a status of its own and
// travels as a refusal like any other; the status of everything else is its code's (core/refusal.ts).

import { Refusal } from '../../core/refusal.ts'
import type { RefusalCode } from '../../core/refusal.ts'

const table = {
  bad_target: [400, 'invalid_request', 'The request target must be a path.'],
  doubled: [400, 'invalid_request', 'A header that stands for one thing was sent twice.'],
  /** RFC 6750 §2.3 and RFC 9700 §4.3.2: URLs and cookies are kept by others. */
  misplaced: [400, 'invalid_request', 'A credential travels in the Authorization header alone.'],
  bad_json: [400, 'invalid_request', 'The body is not JSON.'],
  foreign_host: [403, 'invalid_request', 'This server is not addressed by that host.'],
  foreign_origin: [403, 'invalid_request', 'Pages of that origin may not call this server.'],
  /** In the clear, and not from a proxy that ended TLS. */
  in_the_clear: [403, 'invalid_request', 'Plain HTTP is for the trusted proxy alone.'],
  method: [405, 'invalid_request', 'This method does not belong here.'],
  not_json: [415, 'invalid_request', 'The body must be application/json, in UTF-8.'],
  encoded: [415, 'invalid_request', 'The body must not be compressed.'],
  too_large: [413, 'invalid_request', 'The body is too large.'],
  too_many: [429, 'rate_limited', 'Too many requests.'],
} as const satisfies Record<string, readonly [number, RefusalCode, string]>

export type FaultName = keyof typeof table

export class Fault extends Refusal {
  readonly status: number
  /** Those that its status asks for. */
  readonly headers: Readonly<Record<string, string>>

  constructor(name: FaultName, headers: Readonly<Record<string, string>> = {}) {
    const [status, code, message] = table[name]
    super(code, { message })
    this.status = status
    this.headers = headers
  }
}

/** RFC 9110 §15.5.6: with 405 goes what is allowed. */
export const wrongMethod = (allow: string): Fault => new Fault('method', { allow })
