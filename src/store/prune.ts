// What can be removed because its time is long over, page by page: each page is read first and then
// removed by a short commit, so that no other process waits for a large one.

import { jsonList } from './grants.ts'
import { number, text, words } from './row.ts'
import type { Read, Write } from './store.ts'

/** One kind of row that ends with time. */
export interface Prunable {
  readonly page: (after: string, limit: number) => Read<string>
  readonly remove: (ids: readonly string[]) => readonly Write[]
}

const ids = (sql: string, values: Read<string>['values']): Read<string> => ({
  sql,
  values,
  map: (row) => text(row, 'id'),
})

const removal = (sql: string, keys: readonly string[]): Write => ({
  sql,
  values: () => [jsonList(keys)],
})

/**
 * Grants that expired before a time, standing roots never: they have no end of their own. What hangs
 * below an expired grant is as dead as it is.
 */
export const endedGrants = (before: number, keep: readonly string[]): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select g.id from grants g
      where g.id > $2 and g.standing = 0 and g.expires_at < $1
        and g.id not in (select value from json_each(cast($3 as text)))
      order by g.id
      limit $4`,
      [before, after, jsonList(keep), limit],
    ),
  remove: (ended) => [
    removal(
      `delete from grant_uses where grant_id in (select value from json_each(cast($1 as text)))`,
      ended,
    ),
    removal(
      `delete from grants where id in (select value from json_each(cast($1 as text)))`,
      ended,
    ),
  ],
})

/** Tokens go with their grant and not before: a token's id still names its grant. */
export const tokensOfEndedGrants = (before: number, keep: readonly string[]): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select t.id from tokens t
      join grants g on g.id = t.grant_id
      where t.id > $2 and g.standing = 0 and g.expires_at < $1
        and g.id not in (select value from json_each(cast($3 as text)))
      order by t.id
      limit $4`,
      [before, after, jsonList(keep), limit],
    ),
  remove: (ended) => [
    removal(
      `delete from tokens where id in (select value from json_each(cast($1 as text)))`,
      ended,
    ),
  ],
})

/** A first secret's handoff that was claimed stays: whoever tries its code again reveals that it leaked. */
export const endedHandoffs = (before: number): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select h.id from handoffs h
      where h.id > $2 and h.expires_at < $1
        and not (h.by_code_alone = 1 and h.claimed_at is not null and exists (
          select 1 from credentials c where c.id = h.credential_id and c.status <> 'revoked'
        ))
      order by h.id
      limit $3`,
      [before, after, limit],
    ),
  remove: (ended) => [
    removal(
      `delete from handoffs where id in (select value from json_each(cast($1 as text)))`,
      ended,
    ),
  ],
})

export const oldAnswers = (before: number): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select key_hash as id from idempotency
      where key_hash > $2 and created_at < $1
      order by key_hash
      limit $3`,
      [before, after, limit],
    ),
  remove: (old) => [
    removal(
      `delete from idempotency where key_hash in (select value from json_each(cast($1 as text)))`,
      old,
    ),
  ],
})

/** Proofs that could not be accepted any more, whether they were used or not. */
export const oldProofs = (before: number): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select id from used_proofs
      where id > $2 and expires_at < $1
      order by id
      limit $3`,
      [before, after, limit],
    ),
  remove: (old) => [
    removal(
      `delete from used_proofs where id in (select value from json_each(cast($1 as text)))`,
      old,
    ),
  ],
})

/** What secrets signed requests with, of credentials that ended: nothing is verified by it any more. */
export const endedRequestKeys = (before: number): Prunable => ({
  page: (after, limit) =>
    ids(
      `
      select k.credential_id as id from request_keys k
      join credentials c on c.id = k.credential_id
      where k.credential_id > $2
        and (c.status = 'revoked' or c.retires_at < $1 or c.expires_at < $1)
      order by k.credential_id
      limit $3`,
      [before, after, limit],
    ),
  remove: (ended) => [
    removal(
      `
      delete from request_keys
      where credential_id in (select value from json_each(cast($1 as text)))`,
      ended,
    ),
  ],
})

/** Grants under which something was made that outlives them. */
export const grantsWithMakings: Read<string> = ids(
  `
  select created_under as id from agents where created_under is not null
  union
  select created_under as id from credentials where created_under is not null
  union
  select created_under as id from resource_types where created_under is not null
  union
  select created_under as id from servers where created_under is not null
  union
  select created_under as id from registrations where created_under is not null`,
  [],
)

export interface FindingAbout {
  readonly seq: number
  /** Everything that the event names. */
  readonly grants: readonly string[]
}

/** Events of a chain that hold a finding, and the grants they are about. */
export const findingsAfter = (chain: string, seq: number, limit: number): Read<FindingAbout> => ({
  sql: `
    select seq, grant_id, lineage, target, presented from audit_events
    where chain = $1 and seq > $2 and detail like '%"finding":%'
    order by seq
    limit $3`,
  values: [chain, seq, limit],
  map: (row) => ({
    seq: number(row, 'seq'),
    grants: [
      ...words(row, 'lineage'),
      ...[row['grant_id'], row['target'], row['presented']].flatMap(
        (value) => String(value ?? '').match(/grt_[0-9a-z]{26}/g) ?? [],
      ),
    ],
  }),
})

/** The ancestors of these grants, themselves included. */
export const lineagesOf = (grantIds: readonly string[]): Read<readonly string[]> => ({
  sql: `
    select g.id, g.lineage from grants g
    where g.id in (select value from json_each(cast($1 as text)))`,
  values: [jsonList(grantIds)],
  map: (row) => [...words(row, 'lineage'), text(row, 'id')],
})
