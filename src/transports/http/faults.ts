// What can be wrong with an HTTP message before anything in it is understood. Each has a status of its own and
// travels as a refusal like any other; the status of everything else is its code's (core/refusal.ts).

import { Refusal } from '../../core/refusal.ts'
import type { RefusalCode } from '../../core/refusal.ts'

const table = {
  bad_json: { status: 400, code: 'invalid_request', text: 'The body is not JSON.' },
  not_json: { status: 415, code: 'invalid_request', text: 'The body must be application/json.' },
  too_large: { status: 413, code: 'invalid_request', text: 'The body is too large.' },
  method: { status: 405, code: 'invalid_request', text: 'This method does not belong here.' },
} as const satisfies Record<string, { status: number; code: RefusalCode; text: string }>

export type FaultName = keyof typeof table

export class Fault extends Refusal {
  readonly status: number

  constructor(name: FaultName) {
    const { status, code, text } = table[name]
    super(code, { message: text })
    this.status = status
  }
}
