// Tokens: the record of every dated proof, found by `jti` or, for opaque ones, by keyed hash.

import type { Token } from '../core/grant.ts'
import { isSound, number, optionalText, sealed, text } from './row.ts'
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

export const insertToken = (token: Token): Write => ({
  sql: `
    insert into tokens (
      id, org_id, grant_id, credential_id, audience, kind, hash, key_id, issued_at, expires_at,
      created_seq, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
  values: (point) => sealed(table, valuesOf(token), point),
})
