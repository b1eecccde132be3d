// Handoffs: a one-time claim on a token or secret. Only the hash of the code is kept, and nothing of
// what is handed over, which is made when it is claimed.

import { isSound, number, optionalNumber, optionalText, sealed, text, flag } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

export interface Handoff {
  readonly id: string
  readonly orgId: string
  readonly codeHash: string
  readonly kind: 'token' | 'secret'
  readonly grantId?: string
  readonly credentialId?: string
  /** Audience (server id) and life in seconds of the token to make. */
  readonly audience?: string
  readonly ttl?: number
  readonly recipientId: string
  /** A first secret has nobody yet who could prove to be its recipient. */
  readonly byCodeAlone: boolean
  readonly createdAt: number
  readonly expiresAt: number
}

export interface Claim {
  readonly claimedAt?: number
  /** Keyed hash of the idempotency key and credential it was claimed with. */
  readonly claimKey?: string
}

const table: SealedTable = {
  name: 'handoffs',
  columns: [
    'id',
    'org_id',
    'code_hash',
    'kind',
    'grant_id',
    'credential_id',
    'audience',
    'ttl',
    'recipient_id',
    'by_code_alone',
    'created_at',
    'expires_at',
  ],
}

const valuesOf = (h: Handoff): Value[] => [
  h.id,
  h.orgId,
  h.codeHash,
  h.kind,
  h.grantId ?? null,
  h.credentialId ?? null,
  h.audience ?? null,
  h.ttl ?? null,
  h.recipientId,
  h.byCodeAlone ? 1 : 0,
  h.createdAt,
  h.expiresAt,
]

function rowToHandoff(row: Row, seal: Seal): (Handoff & Claim) | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    codeHash: text(row, 'code_hash'),
    kind: text(row, 'kind') as Handoff['kind'],
    ...optionalText(row, 'grant_id', 'grantId'),
    ...optionalText(row, 'credential_id', 'credentialId'),
    ...optionalText(row, 'audience', 'audience'),
    ...optionalNumber(row, 'ttl', 'ttl'),
    recipientId: text(row, 'recipient_id'),
    byCodeAlone: flag(row, 'by_code_alone'),
    createdAt: number(row, 'created_at'),
    expiresAt: number(row, 'expires_at'),
    ...optionalNumber(row, 'claimed_at', 'claimedAt'),
    ...optionalText(row, 'claim_key', 'claimKey'),
  }
}

export const handoffByCode = (codeHash: string): Read<Handoff & Claim> => ({
  sql: `select * from handoffs where code_hash = $1`,
  values: [codeHash],
  map: rowToHandoff,
})

export const insertHandoff = (handoff: Handoff): Write => ({
  sql: `
    insert into handoffs (
      id, org_id, code_hash, kind, grant_id, credential_id, audience, ttl, recipient_id,
      by_code_alone, created_at, expires_at, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
  values: (point) => sealed(table, valuesOf(handoff), point),
})

/** The first claim wins; whoever is second finds the unit stale and decides again. */
export const claimHandoff = (id: string, now: number, claimKey: string | undefined): Write => ({
  sql: `
    update handoffs set claimed_at = $2, claim_key = $3
    where id = $1 and claimed_at is null`,
  values: () => [id, now, claimKey ?? null],
  expects: 1,
  otherwise: 'stale',
})
