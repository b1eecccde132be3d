// What was answered to a call with an idempotency key: hashes and ids, never a secret. Single-use ids of
// proofs live here too: both say that something happened before.

import { Refusal } from '../core/refusal.ts'
import { text } from './row.ts'
import type { Read, Write } from './store.ts'

export interface Answered {
  readonly keyHash: string
  readonly operation: string
  readonly argumentsHash: string
  /** JSON of the result without its delivery. */
  readonly result: string
}

export const answeredBefore = (keyHash: string): Read<Answered> => ({
  sql: `select * from idempotency where key_hash = $1`,
  values: [keyHash],
  map: (row) => ({
    keyHash: text(row, 'key_hash'),
    operation: text(row, 'operation'),
    argumentsHash: text(row, 'arguments_hash'),
    result: text(row, 'result'),
  }),
})

/** The first of two equal calls that race is recorded; the other decides again and finds it. */
export const recordAnswer = (answered: Answered, now: number): Write => ({
  sql: `
    insert into idempotency (key_hash, operation, arguments_hash, result, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (key_hash) do nothing`,
  values: () => [
    answered.keyHash,
    answered.operation,
    answered.argumentsHash,
    answered.result,
    now,
  ],
  expects: 1,
  otherwise: 'stale',
})

/** Spends the single-use id of a proof. */
export const spendProof = (id: string, expiresAt: number): Write => ({
  sql: `
    insert into used_proofs (id, expires_at) values ($1, $2)
    on conflict (id) do nothing`,
  values: () => [id, expiresAt],
  expects: 1,
  otherwise: new Refusal('replay_detected'),
})
