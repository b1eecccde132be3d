// Agents: who exists, with what ceiling and status.

import type { Agent, AgentStatus, AuthMethod, Sensitivity } from '../core/agent.ts'
import { formatScopes } from '../core/scope.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'
import { flag, isSound, listOf, number, optionalText, scopes, sealed, text, words } from './row.ts'
import type { SealedTable } from './row.ts'

const table: SealedTable = {
  name: 'agents',
  columns: [
    'id',
    'org_id',
    'name',
    'description',
    'owner',
    'ceiling',
    'computed_ceiling',
    'sensitivity',
    'auth_methods',
    'rotation_days',
    'status',
    'created_at',
    'created_by',
    'created_under',
    'version',
  ],
}

const valuesOf = (a: Agent): Value[] => [
  a.id,
  a.orgId,
  a.name,
  a.description,
  a.owner,
  formatScopes(a.ceiling),
  a.computedCeiling ? 1 : 0,
  a.sensitivity,
  listOf(a.authMethods),
  a.rotationDays,
  a.status,
  a.createdAt,
  a.createdBy ?? null,
  a.createdUnder ?? null,
  a.version,
]

function rowToAgent(row: Row, seal: Seal): Agent | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    name: text(row, 'name'),
    description: text(row, 'description'),
    owner: text(row, 'owner'),
    ceiling: scopes(row, 'ceiling'),
    computedCeiling: flag(row, 'computed_ceiling'),
    sensitivity: text(row, 'sensitivity') as Sensitivity,
    authMethods: words(row, 'auth_methods') as AuthMethod[],
    rotationDays: number(row, 'rotation_days'),
    status: text(row, 'status') as AgentStatus,
    createdAt: number(row, 'created_at'),
    ...optionalText(row, 'created_by', 'createdBy'),
    ...optionalText(row, 'created_under', 'createdUnder'),
    version: number(row, 'version'),
  }
}

export const allAgents: Read<Agent> = {
  sql: `select * from agents order by id`,
  values: [],
  map: rowToAgent,
}

export const agentById = (id: string): Read<Agent> => ({
  sql: `select * from agents where id = $1`,
  values: [id],
  map: rowToAgent,
})

/** Adds the record (version 1), or replaces exactly the version before it. */
export const putAgent = (agent: Agent): Write => ({
  sql: `
    insert into agents (
      id, org_id, name, description, owner, ceiling, computed_ceiling, sensitivity, auth_methods,
      rotation_days, status, created_at, created_by, created_under, version, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    on conflict (id) do update
    set description = excluded.description, owner = excluded.owner, ceiling = excluded.ceiling,
      sensitivity = excluded.sensitivity, auth_methods = excluded.auth_methods,
      rotation_days = excluded.rotation_days, status = excluded.status,
      version = excluded.version, mac = excluded.mac
    where agents.version = excluded.version - 1`,
  values: (point) => sealed(table, valuesOf(agent), point),
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'agent', id: agent.id },
})
