// Credentials, and when each was last seen. The sightings are remarks kept apart from the sealed row.

import type { AgentKey, CertificateRule, Credential, CredentialKind } from '../core/credential.ts'
import { formatScopes } from '../core/scope.ts'
import {
  isSound,
  number,
  optionalJson,
  optionalNumber,
  optionalScopes,
  optionalText,
  sealed,
  text,
  words,
} from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'credentials',
  columns: [
    'id',
    'org_id',
    'agent_id',
    'kind',
    'secret_hash',
    'password_hash',
    'scopes',
    'status',
    'created_at',
    'expires_at',
    'rotated_from',
    'rotated_to',
    'retires_at',
    'origin',
    'created_by',
    'created_under',
    'version',
  ],
  later: ['public_keys', 'encryption_key', 'anchor_id', 'certificate_rule'],
}

const valuesOf = (c: Credential): Value[] => [
  c.id,
  c.orgId,
  c.agentId,
  c.kind,
  c.secretHash ?? null,
  c.passwordHash ?? null,
  c.scopes === undefined ? null : formatScopes(c.scopes),
  c.recordedStatus,
  c.createdAt,
  c.expiresAt ?? null,
  c.rotatedFrom ?? null,
  c.rotatedTo ?? null,
  c.retiresAt ?? null,
  c.origin ?? '',
  c.createdBy ?? null,
  c.createdUnder ?? null,
  c.version,
  c.publicKeys === undefined ? null : JSON.stringify(c.publicKeys),
  c.encryptionKey === undefined ? null : JSON.stringify(c.encryptionKey),
  c.anchorId ?? null,
  c.certificateRule === undefined ? null : JSON.stringify(c.certificateRule),
]

function rowToCredential(row: Row, seal: Seal): Credential | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    agentId: text(row, 'agent_id'),
    kind: text(row, 'kind') as CredentialKind,
    ...optionalText(row, 'secret_hash', 'secretHash'),
    ...optionalText(row, 'password_hash', 'passwordHash'),
    ...optionalScopes(row, 'scopes', 'scopes'),
    recordedStatus: text(row, 'status') as Credential['recordedStatus'],
    createdAt: number(row, 'created_at'),
    ...optionalNumber(row, 'expires_at', 'expiresAt'),
    ...optionalText(row, 'rotated_from', 'rotatedFrom'),
    ...optionalText(row, 'rotated_to', 'rotatedTo'),
    ...optionalNumber(row, 'retires_at', 'retiresAt'),
    ...origin(row),
    ...optionalText(row, 'created_by', 'createdBy'),
    ...optionalText(row, 'created_under', 'createdUnder'),
    ...optionalJson<'publicKeys', readonly AgentKey[]>(row, 'public_keys', 'publicKeys'),
    ...optionalJson<'encryptionKey', AgentKey>(row, 'encryption_key', 'encryptionKey'),
    ...optionalText(row, 'anchor_id', 'anchorId'),
    ...optionalJson<'certificateRule', CertificateRule>(row, 'certificate_rule', 'certificateRule'),
    version: number(row, 'version'),
  }
}

/** The first word: rows from before 007 go on with all others of their line. */
function origin(row: Row): { readonly origin?: string } {
  const [first] = words(row, 'origin')
  return first === undefined ? {} : { origin: first }
}

export const allCredentials: Read<Credential> = {
  sql: `select * from credentials order by id`,
  values: [],
  map: rowToCredential,
}

export const credentialById = (id: string): Read<Credential> => ({
  sql: `select * from credentials where id = $1`,
  values: [id],
  map: rowToCredential,
})

/** Adds the record (version 1), or replaces exactly the version before it. */
export const putCredential = (credential: Credential): Write => ({
  sql: `
    insert into credentials (
      id, org_id, agent_id, kind, secret_hash, password_hash, scopes, status, created_at, expires_at,
      rotated_from, rotated_to, retires_at, origin, created_by, created_under, version,
      public_keys, encryption_key, anchor_id, certificate_rule, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
      $20, $21, $22)
    on conflict (id) do update
    set secret_hash = excluded.secret_hash, password_hash = excluded.password_hash,
      status = excluded.status, rotated_to = excluded.rotated_to, retires_at = excluded.retires_at,
      origin = excluded.origin, version = excluded.version, mac = excluded.mac
    where credentials.version = excluded.version - 1`,
  values: (point) => sealed(table, valuesOf(credential), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'credential', id: credential.id },
})

export interface CredentialUse {
  readonly credentialId: string
  readonly firstUsedAt: number
  readonly lastUsedAt: number
  /** Where it was seen: a few labels of processes, newest first. */
  readonly usedBy: readonly string[]
}

const rowToUse = (row: Row): CredentialUse => ({
  credentialId: text(row, 'credential_id'),
  firstUsedAt: number(row, 'first_used_at'),
  lastUsedAt: number(row, 'last_used_at'),
  usedBy: words(row, 'used_by'),
})

export const credentialUse = (id: string): Read<CredentialUse> => ({
  sql: `select * from credential_uses where credential_id = $1`,
  values: [id],
  map: rowToUse,
})

export const agentCredentialUses = (agentId: string): Read<CredentialUse> => ({
  sql: `
    select u.* from credential_uses u
    join credentials c on c.id = u.credential_id
    where c.agent_id = $1`,
  values: [agentId],
  map: rowToUse,
})

/** Notes a use of exactly this version: what was replaced meanwhile was not used. */
export const recordCredentialUse = (
  { id, version }: Pick<Credential, 'id' | 'version'>,
  now: number,
  by: string,
): Write => ({
  sql: `
    insert into credential_uses (credential_id, first_used_at, last_used_at, used_by)
    select c.id, cast($2 as bigint), cast($2 as bigint), cast($3 as text)
    from credentials c
    where c.id = $1 and c.version = $4
    on conflict (credential_id) do update
    set last_used_at = excluded.last_used_at,
      used_by = case
        when ' ' || credential_uses.used_by || ' ' like '% ' || excluded.used_by || ' %'
          then credential_uses.used_by
        when length(credential_uses.used_by) > 400 then excluded.used_by
        else excluded.used_by || ' ' || credential_uses.used_by
      end`,
  values: () => [id, now, by, version],
  expects: 1,
  otherwise: 'stale',
})

/** Holds only while a credential was never used: the condition of every repeated hand-out. */
export const neverUsed = (id: string, otherwise: Write['otherwise']): Write => ({
  sql: `
    select 1 as holds where not exists (
      select 1 from credential_uses where credential_id = $1
    )`,
  values: () => [id],
  expects: 1,
  ...(otherwise !== undefined && { otherwise }),
})

/** Holds while a credential is as it was when it was read. */
export const unchangedCredential = ({
  id,
  version,
}: Pick<Credential, 'id' | 'version'>): Write => ({
  sql: `select 1 as holds from credentials where id = $1 and version = $2`,
  values: () => [id, version],
  expects: 1,
  otherwise: 'stale',
})
