// Tokens: the record of every dated proof, found by `jti` or, for opaque ones, by keyed hash.

import type { Token } from '../core/grant.ts'
import { isSound, number, optionalText, rowsOf, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import { jsonList } from './grants.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'tokens',
  columns: [
    'id',
    'org_id',
    'grant_id',
    'credential_id',
    'audience',
    'kind',
    'hash',
    'key_id',
    'issued_at',
    'expires_at',
    'created_seq',
  ],
}

const valuesOf = (t: Token): Value[] => [
  t.id,
  t.orgId,
  t.grantId,
  t.credentialId,
  t.audience,
  t.kind,
  t.hash,
  t.keyId ?? null,
  t.issuedAt,
  t.expiresAt,
  t.createdSeq,
]

function rowToToken(row: Row, seal: Seal): Token | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    grantId: text(row, 'grant_id'),
    credentialId: text(row, 'credential_id'),
    audience: text(row, 'audience'),
    kind: text(row, 'kind') as Token['kind'],
    hash: text(row, 'hash'),
    ...optionalText(row, 'key_id', 'keyId'),
    issuedAt: number(row, 'issued_at'),
    expiresAt: number(row, 'expires_at'),
    createdSeq: number(row, 'created_seq'),
  }
}

export const tokenById = (id: string): Read<Token> => ({
  sql: `select * from tokens where id = $1`,
  values: [id],
  map: rowToToken,
})

export const opaqueTokenByHash = (hash: string): Read<Token> => ({
  sql: `select * from tokens where hash = $1 and kind = 'opaque'`,
  values: [hash],
  map: rowToToken,
})

/** The newest token of each of these grants. */
export const newestTokens = (grantIds: readonly string[]): Read<Token> => ({
  sql: `
    select t.* from tokens t
    where t.grant_id in (select value from json_each(cast($1 as text)))
      and not exists (select 1 from tokens n where n.grant_id = t.grant_id and n.id > t.id)`,
  values: [jsonList(grantIds)],
  map: rowToToken,
})

/**
 * Unexpired JWTs that were issued from just after `from` up to `to` by whoever knew of no change from `seq`
 * on.
 */
export const tokensDecidedBefore = (
  seq: number,
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): Read<Token> => ({
  sql: `
    select * from tokens
    where issued_at > $2 and issued_at <= $3 and expires_at > $4
      and created_seq < $1 and kind = 'jwt'
    order by id`,
  values: [seq, from, to, now],
  map: rowToToken,
})

/** The same of those that were obtained with one credential, whenever that was since `from`. */
export const tokensObtainedBefore = (
  seq: number,
  credentialId: string,
  { from, now }: { readonly from: number; readonly now: number },
): Read<Token> => ({
  sql: `
    select * from tokens
    where issued_at >= $3 and expires_at > $4
      and credential_id = $2 and created_seq < $1 and kind = 'jwt'
    order by id`,
  values: [seq, credentialId, from, now],
  map: rowToToken,
})

/** When the oldest token was issued that is of `from` or later, of `to` or earlier, and unexpired. */
export const oldestUnexpired = (from: number, to: number, now: number): Read<number> => ({
  sql: `
    select issued_at from tokens
    where issued_at >= $1 and issued_at <= $2 and expires_at > $3
    order by issued_at
    limit 1`,
  values: [from, to, now],
  map: (row) => number(row, 'issued_at'),
})

export const insertToken = (token: Token): Write => ({
  sql: `
    insert into tokens (
      id, org_id, grant_id, credential_id, audience, kind, hash, key_id, issued_at, expires_at,
      created_seq, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
  values: (point) => sealed(table, valuesOf(token), point),
  together: rowsOf(table),
})
