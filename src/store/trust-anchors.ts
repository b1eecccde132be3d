// Trust anchors: the certification authorities of each organisation.

import type { TrustAnchor } from '../core/trust-anchor.ts'
import { claimMark } from './agent-keys.ts'
import { isSound, number, optionalText, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'trust_anchors',
  columns: [
    'id',
    'org_id',
    'name',
    'certificate',
    'crl',
    'status',
    'created_at',
    'created_by',
    'created_under',
    'version',
  ],
}

const valuesOf = (a: TrustAnchor): Value[] => [
  a.id,
  a.orgId,
  a.name,
  a.certificate,
  a.crl,
  a.status,
  a.createdAt,
  a.createdBy ?? null,
  a.createdUnder ?? null,
  a.version,
]

function rowToTrustAnchor(row: Row, seal: Seal): TrustAnchor | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    name: text(row, 'name'),
    certificate: text(row, 'certificate'),
    crl: text(row, 'crl') as TrustAnchor['crl'],
    status: text(row, 'status') as TrustAnchor['status'],
    createdAt: number(row, 'created_at'),
    ...optionalText(row, 'created_by', 'createdBy'),
    ...optionalText(row, 'created_under', 'createdUnder'),
    version: number(row, 'version'),
  }
}

export const allTrustAnchors: Read<TrustAnchor> = {
  sql: `select * from trust_anchors order by id`,
  values: [],
  map: rowToTrustAnchor,
}

export const trustAnchorById = (id: string): Read<TrustAnchor> => ({
  sql: `select * from trust_anchors where id = $1`,
  values: [id],
  map: rowToTrustAnchor,
})

/**
 * Claims a certificate for one anchor of its organisation, for ever, against whoever registers it at the same
 * time; stale where that was done, so that who decides again learns of it.
 */
export const claimAnchor = (anchor: TrustAnchor, thumbprint: string): Write => {
  const { id, orgId, createdBy = id, createdAt } = anchor
  const mark = { orgId, mark: `anchor:${thumbprint}`, agentId: createdBy, credentialId: id }
  return { ...claimMark(mark, createdAt), otherwise: 'stale' }
}

/** Adds the record (version 1), or replaces exactly the version before it; its certificate never changes. */
export const putTrustAnchor = (anchor: TrustAnchor): Write => ({
  sql: `
    insert into trust_anchors (
      id, org_id, name, certificate, crl, status, created_at, created_by, created_under, version, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    on conflict (id) do update
    set crl = excluded.crl, status = excluded.status, version = excluded.version, mac = excluded.mac
    where trust_anchors.version = excluded.version - 1`,
  values: (point) => sealed(table, valuesOf(anchor), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'trust_anchor', id: anchor.id },
})
