// Signing keys: public part in the open, private part sealed under the master key.

import { isSound, number, optionalNumber, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

/** What a key signs; nothing of one purpose verifies as another (authority: rule 22). */
export const keyPurposes = [
  'access_token',
  'checkpoint',
  'authentication',
  'delivery',
  'deny_list',
] as const

export interface SigningKeyRecord {
  /** `kid`. */
  readonly id: string
  readonly purpose: (typeof keyPurposes)[number]
  readonly alg: 'EdDSA' | 'ES256'
  /** JSON of the public JWK. */
  readonly publicJwk: string
  readonly sealedPrivate: string
  readonly status: 'active' | 'rotated' | 'compromised'
  readonly createdAt: number
  /** When a rotated key stops verifying. */
  readonly retiresAt?: number
}

const table: SealedTable = {
  name: 'signing_keys',
  columns: [
    'id',
    'purpose',
    'alg',
    'public_jwk',
    'sealed_private',
    'status',
    'created_at',
    'retires_at',
  ],
}

const valuesOf = (k: SigningKeyRecord): Value[] => [
  k.id,
  k.purpose,
  k.alg,
  k.publicJwk,
  k.sealedPrivate,
  k.status,
  k.createdAt,
  k.retiresAt ?? null,
]

function rowToKey(row: Row, seal: Seal): SigningKeyRecord | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    purpose: text(row, 'purpose') as SigningKeyRecord['purpose'],
    alg: text(row, 'alg') as SigningKeyRecord['alg'],
    publicJwk: text(row, 'public_jwk'),
    sealedPrivate: text(row, 'sealed_private'),
    status: text(row, 'status') as SigningKeyRecord['status'],
    createdAt: number(row, 'created_at'),
    ...optionalNumber(row, 'retires_at', 'retiresAt'),
  }
}

export const allSigningKeys: Read<SigningKeyRecord> = {
  sql: `select * from signing_keys order by id`,
  values: [],
  map: rowToKey,
}

export const signingKeyById = (id: string): Read<SigningKeyRecord> => ({
  sql: `select * from signing_keys where id = $1`,
  values: [id],
  map: rowToKey,
})

/** Adds a key, or ends an active one. */
export const putSigningKey = (key: SigningKeyRecord): Write => ({
  sql: `
    insert into signing_keys (
      id, purpose, alg, public_jwk, sealed_private, status, created_at, retires_at, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (id) do update
    set status = excluded.status, retires_at = excluded.retires_at, mac = excluded.mac
    where signing_keys.status <> 'compromised'`,
  values: (point) => sealed(table, valuesOf(key), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'signing_key', id: key.id },
})
