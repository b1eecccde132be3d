// Revocations: appended, never changed. A row whose MAC is wrong, or that is gone, still restricts, as
// strictly as its key allows: damaging a restriction must not lift it.

import type { Revocation, RevocationKind } from '../core/revocation.ts'
import { revocationKey } from '../core/revocation.ts'
import { formatScopes } from '../core/scope.ts'
import { jsonList } from './grants.ts'
import {
  isSound,
  listOf,
  number,
  optionalNumber,
  optionalScopes,
  sealed,
  text,
  words,
} from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'revocations',
  columns: [
    'seq',
    'org_id',
    'key',
    'kind',
    'target',
    'within',
    'minted_before',
    'scopes',
    'cause',
    'at',
  ],
}

const valuesOf = (r: Revocation): Value[] => [
  r.seq,
  r.orgId,
  revocationKey(r.kind, r.target),
  r.kind,
  r.target,
  listOf(r.within),
  r.mintedBefore ?? null,
  r.scopes === undefined ? null : formatScopes(r.scopes),
  r.cause,
  r.at,
]

function rowToRevocation(row: Row, seal: Seal): Revocation | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    seq: number(row, 'seq'),
    orgId: text(row, 'org_id'),
    kind: text(row, 'kind') as RevocationKind,
    target: text(row, 'target'),
    within: words(row, 'within'),
    ...optionalNumber(row, 'minted_before', 'mintedBefore'),
    ...optionalScopes(row, 'scopes', 'scopes'),
    cause: text(row, 'cause'),
    at: number(row, 'at'),
  }
}

/** By the key that was noted with its change, or else its own: everything that ever was under it. */
function strictest(row: Row): Revocation {
  const key = String(row['noted'] ?? row['key'])
  const colon = key.indexOf(':')
  return {
    seq: Number.MAX_SAFE_INTEGER,
    orgId: '',
    kind: key.slice(0, colon) as RevocationKind,
    target: key.slice(colon + 1),
    within: [],
    scopes: [],
    cause: 'tampered with',
    at: 0,
    damaged: true,
  }
}

export const allRevocations: Read<Revocation> = {
  sql: `
    select r.*, c.entity_id as noted
    from revocations r
    left join changes c on c.seq = r.seq and c.entity = 'revocation'
    order by r.seq`,
  values: [],
  map: rowToRevocation,
  damaged: strictest,
}

/** Those whose change is noted although their row is gone. */
export const lostRevocations: Read<Revocation> = {
  sql: `
    select c.entity_id as noted
    from changes c
    where c.entity = 'revocation'
      and not exists (select 1 from revocations r where r.seq = c.seq)`,
  values: [],
  map: () => undefined,
  damaged: strictest,
}

export const revocationBySeq = (seq: number): Read<Revocation> => ({
  sql: `
    select r.*, c.entity_id as noted
    from changes c
    left join revocations r on r.seq = c.seq
    where c.seq = $1`,
  values: [seq],
  map: rowToRevocation,
  damaged: strictest,
})

export interface NotedRevocation {
  readonly revocation: Revocation
  /** Number and second of its change, which it has whatever became of its row. */
  readonly seq: number
  readonly at: number
}

/** Those after a change, each with that change, unless they are of an earlier second. */
export const revocationsAfter = (seq: number, from: number): Read<NotedRevocation> => ({
  sql: `
    select r.*, c.entity_id as noted, c.seq as noted_seq, c.at as noted_at
    from changes c
    left join revocations r on r.seq = c.seq
    where c.seq > $1 and c.entity = 'revocation' and (c.at >= $2 or r.at >= $2)
    order by c.seq`,
  values: [seq, from],
  map: (row, seal) => {
    const revocation = rowToRevocation(row, seal)
    return revocation === undefined ? undefined : noted(row, revocation)
  },
  damaged: (row) => noted(row, strictest(row)),
})

const noted = (row: Row, revocation: Revocation): NotedRevocation => ({
  revocation,
  seq: number(row, 'noted_seq'),
  at: Math.max(number(row, 'noted_at'), revocation.at),
})

/** The row gets the number of its own change. */
export const insertRevocation = (revocation: Omit<Revocation, 'seq'>): Write => ({
  sql: `
    insert into revocations (
      seq, org_id, key, kind, target, within, minted_before, scopes, cause, at, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
  values: (point) => sealed(table, valuesOf({ ...revocation, seq: point.seq }), point),
  change: { entity: 'revocation', id: revocationKey(revocation.kind, revocation.target) },
})

/**
 * Holds while none of the keys was restricted after `seq`: the condition of every other write. What is newer
 * than a decision is next to nothing, so it is found by `seq`; as an expression the key tempts no index.
 */
export const unrestrictedSince = (keys: readonly string[], seq: number): Write => ({
  sql: `
    select 1 as holds
    -- of each
    where not exists (
      select 1 from revocations r
      where r.seq > cast($1 as bigint)
        and r.key || '' in (select value from json_each(cast($2 as text)))
    )`,
  values: () => [seq, jsonList(keys)],
  expects: 1,
  otherwise: 'stale',
  together: 'each',
})
