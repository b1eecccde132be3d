// What was answered to a call with an idempotency key: hashes and ids, never a secret. Single-use ids of
// proofs live here too: both say that something happened before.

import { Refusal } from '../core/refusal.ts'
import { isSound, rowsOf, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Write } from './store.ts'

export interface Answered {
  readonly keyHash: string
  readonly operation: string
  readonly argumentsHash: string
  /** JSON of the result without its delivery. */
  readonly result: string
}

/** Sealed, because a repeat hands out a token or secret of what the result names. */
const table: SealedTable = {
  name: 'idempotency',
  columns: ['key_hash', 'operation', 'arguments_hash', 'result', 'created_at'],
}

export const answeredBefore = (keyHash: string): Read<Answered> => ({
  sql: `select * from idempotency where key_hash = $1`,
  values: [keyHash],
  map: (row, seal) =>
    isSound(table, row, seal)
      ? {
          keyHash: text(row, 'key_hash'),
          operation: text(row, 'operation'),
          argumentsHash: text(row, 'arguments_hash'),
          result: text(row, 'result'),
        }
      : undefined,
})

/** The first of two equal calls that race is recorded; the other decides again and finds it. */
export const recordAnswer = (
  { keyHash, operation, argumentsHash, result }: Answered,
  now: number,
): Write => ({
  sql: `
    insert into idempotency (key_hash, operation, arguments_hash, result, created_at, mac)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (key_hash) do nothing`,
  values: (point) => sealed(table, [keyHash, operation, argumentsHash, result, now], point),
  expects: 1,
  otherwise: 'stale',
  together: rowsOf(table, 'key_hash'),
})

/** Whether an id was spent, for answers that say so. */
export const isProofSpent = (id: string): Read<string> => ({
  sql: `select id from used_proofs where id = $1`,
  values: [id],
  map: (row) => text(row, 'id'),
})

/** Spends an id that was found fresh; whoever is second decides again. */
export const spendFresh = (id: string, expiresAt: number): Write => ({
  ...spendProof(id, expiresAt),
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
  together: { table: 'used_proofs', columns: ['id', 'expires_at'], once: 'id' },
})

/** Forgets some of those that could not be accepted any more. */
export const forgetProofs = (before: number, most: number): Write => ({
  sql: `
    delete from used_proofs
    where id in (select id from used_proofs where expires_at < $1 order by expires_at limit $2)`,
  values: () => [before, most],
})
