// Uses left of limited grants. One use takes one from every limited grant of the chain, or none.

import { Refusal } from '../core/refusal.ts'
import { jsonList } from './grants.ts'
import { number, text } from './row.ts'
import type { Read, Write } from './store.ts'

export interface UsesLeft {
  readonly grantId: string
  readonly left: number
}

export const usesLeft = (grantIds: readonly string[]): Read<UsesLeft> => ({
  sql: `
    select grant_id, uses_left from grant_uses
    where grant_id in (select value from json_each(cast($1 as text)))`,
  values: [jsonList(grantIds)],
  map: (row) => ({ grantId: text(row, 'grant_id'), left: number(row, 'uses_left') }),
})

export const insertUses = (grantId: string, left: number): Write => ({
  sql: `insert into grant_uses (grant_id, uses_left) values ($1, $2)`,
  values: () => [grantId, left],
})

/** Takes one use from each of these limited grants; refused as a whole when one has none left. */
export const debit = (grantIds: readonly string[]): Write => ({
  sql: `
    update grant_uses set uses_left = uses_left - 1
    where uses_left > 0 and grant_id in (select value from json_each(cast($1 as text)))`,
  values: () => [jsonList(grantIds)],
  expects: grantIds.length,
  otherwise: new Refusal('uses_exhausted'),
})

/** Holds while every one of these grants has at least `atLeast` uses left. */
export const requireUses = (grantId: string, atLeast: number): Write => ({
  sql: `select 1 as holds from grant_uses where grant_id = $1 and uses_left >= $2`,
  values: () => [grantId, atLeast],
  expects: 1,
  otherwise: 'stale',
})
