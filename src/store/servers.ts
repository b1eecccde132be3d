// MCP servers and the registration credentials they redeem. These are apart from agents in everything:
// tables, prefixes, rotation.

import type { McpServer, ServerStatus } from '../core/state.ts'
import { isSound, number, optionalNumber, optionalText, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const serverTable: SealedTable = {
  name: 'servers',
  columns: [
    'id',
    'org_id',
    'name',
    'version',
    'status',
    'public_jwk',
    'tools',
    'registered_at',
    'created_at',
    'record_version',
  ],
  later: ['created_by', 'created_under'],
}

const serverValues = (s: McpServer): Value[] => [
  s.id,
  s.orgId,
  s.name,
  s.version,
  s.status,
  s.publicJwk ?? null,
  JSON.stringify(s.tools),
  s.registeredAt ?? null,
  s.createdAt,
  s.recordVersion,
  s.createdBy ?? null,
  s.createdUnder ?? null,
]

function rowToServer(row: Row, seal: Seal): McpServer | undefined {
  if (!isSound(serverTable, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    name: text(row, 'name'),
    version: text(row, 'version'),
    status: text(row, 'status') as ServerStatus,
    ...optionalText(row, 'public_jwk', 'publicJwk'),
    tools: JSON.parse(text(row, 'tools')) as McpServer['tools'],
    ...optionalNumber(row, 'registered_at', 'registeredAt'),
    createdAt: number(row, 'created_at'),
    recordVersion: number(row, 'record_version'),
    ...optionalText(row, 'created_by', 'createdBy'),
    ...optionalText(row, 'created_under', 'createdUnder'),
  }
}

export const allServers: Read<McpServer> = {
  sql: `select * from servers order by id`,
  values: [],
  map: rowToServer,
}

export const serverById = (id: string): Read<McpServer> => ({
  sql: `select * from servers where id = $1`,
  values: [id],
  map: rowToServer,
})

/** Adds the record (version 1), or replaces exactly the version before it. */
export const putServer = (server: McpServer): Write => ({
  sql: `
    insert into servers (
      id, org_id, name, version, status, public_jwk, tools, registered_at, created_at,
      record_version, created_by, created_under, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    on conflict (id) do update
    set version = excluded.version, status = excluded.status, public_jwk = excluded.public_jwk,
      tools = excluded.tools, registered_at = excluded.registered_at,
      record_version = excluded.record_version, mac = excluded.mac
    where servers.record_version = excluded.record_version - 1`,
  values: (point) => sealed(serverTable, serverValues(server), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'server', id: server.id },
})

export const recordSighting = (serverId: string, now: number): Write => ({
  sql: `
    insert into server_sightings (server_id, last_seen_at) values ($1, $2)
    on conflict (server_id) do update set last_seen_at = excluded.last_seen_at`,
  values: () => [serverId, now],
})

export const sightings: Read<{ readonly serverId: string; readonly lastSeenAt: number }> = {
  sql: `select * from server_sightings`,
  values: [],
  map: (row) => ({ serverId: text(row, 'server_id'), lastSeenAt: number(row, 'last_seen_at') }),
}

export interface Registration {
  readonly id: string
  readonly orgId: string
  readonly serverId: string
  readonly secretHash: string
  readonly status: 'pending' | 'bound' | 'revoked'
  readonly createdAt: number
  readonly expiresAt: number
  readonly redeemedAt?: number
  /** RFC 7638 thumbprint of the key it was redeemed by. */
  readonly thumbprint?: string
  readonly rotatedFrom?: string
  readonly version: number
  readonly createdBy?: string
  readonly createdUnder?: string
  /** Of the management token that stands for the bound key over HTTP (RFC 7592). */
  readonly managementHash?: string
}

const registrationTable: SealedTable = {
  name: 'registrations',
  columns: [
    'id',
    'org_id',
    'server_id',
    'secret_hash',
    'status',
    'created_at',
    'expires_at',
    'redeemed_at',
    'thumbprint',
    'rotated_from',
    'version',
  ],
  later: ['created_by', 'created_under', 'management_hash'],
}

const registrationValues = (r: Registration): Value[] => [
  r.id,
  r.orgId,
  r.serverId,
  r.secretHash,
  r.status,
  r.createdAt,
  r.expiresAt,
  r.redeemedAt ?? null,
  r.thumbprint ?? null,
  r.rotatedFrom ?? null,
  r.version,
  r.createdBy ?? null,
  r.createdUnder ?? null,
  r.managementHash ?? null,
]

function rowToRegistration(row: Row, seal: Seal): Registration | undefined {
  if (!isSound(registrationTable, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    serverId: text(row, 'server_id'),
    secretHash: text(row, 'secret_hash'),
    status: text(row, 'status') as Registration['status'],
    createdAt: number(row, 'created_at'),
    expiresAt: number(row, 'expires_at'),
    ...optionalNumber(row, 'redeemed_at', 'redeemedAt'),
    ...optionalText(row, 'thumbprint', 'thumbprint'),
    ...optionalText(row, 'rotated_from', 'rotatedFrom'),
    version: number(row, 'version'),
    ...optionalText(row, 'created_by', 'createdBy'),
    ...optionalText(row, 'created_under', 'createdUnder'),
    ...optionalText(row, 'management_hash', 'managementHash'),
  }
}

export const allRegistrations: Read<Registration> = {
  sql: `select * from registrations order by id`,
  values: [],
  map: rowToRegistration,
}

export const registrationById = (id: string): Read<Registration> => ({
  sql: `select * from registrations where id = $1`,
  values: [id],
  map: rowToRegistration,
})

/** Adds the record (version 1), or replaces exactly the version before it. */
export const putRegistration = (registration: Registration): Write => ({
  sql: `
    insert into registrations (
      id, org_id, server_id, secret_hash, status, created_at, expires_at, redeemed_at, thumbprint,
      rotated_from, version, created_by, created_under, management_hash, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    on conflict (id) do update
    set secret_hash = excluded.secret_hash, status = excluded.status,
      redeemed_at = excluded.redeemed_at, thumbprint = excluded.thumbprint,
      version = excluded.version, management_hash = excluded.management_hash, mac = excluded.mac
    where registrations.version = excluded.version - 1`,
  values: (point) => sealed(registrationTable, registrationValues(registration), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'registration', id: registration.id },
})
