// Over HTTP each request brings its own credential: there is no environment caller (authority: rule 8), and
// what a request presents in its metadata is limited as what it presents in its header is (gate.ts).

import type { Presented } from '../../authority/presented.ts'
import type { Door } from './door.ts'
import { Fault } from './faults.ts'

export const nobody: Presented = { kind: 'nothing' }

/** What only its holder can send: by a name, others could use up what is someone's. */
const proving = ['dev.remit/token', 'dev.remit/agent_secret', 'dev.remit/api_key']

export function limitCaller({ limits }: Door, meta: Readonly<Record<string, unknown>> = {}): void {
  for (const key of proving) {
    const value = meta[key]
    if (typeof value === 'string' && !limits.caller(value)) throw new Fault('too_many')
  }
}
