// Grants. A grant is inserted only while nothing newer than its decision restricts its chain: that
// condition stands in the statement, so no mint survives a revoked ancestor, not even one racing with
// the revocation.

import type { Grant, Protection } from '../core/grant.ts'
import { rootOf } from '../core/grant.ts'
import type { Refusal } from '../core/refusal.ts'
import { formatScopes } from '../core/scope.ts'
import {
  flag,
  isSound,
  listOf,
  number,
  optionalNumber,
  optionalScopes,
  optionalText,
  scopes,
  sealed,
  text,
  words,
} from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'grants',
  columns: [
    'id',
    'org_id',
    'agent_id',
    'instance_id',
    'instance_label',
    'parent_id',
    'root_id',
    'lineage',
    'scopes',
    'audience',
    'expires_at',
    'depth',
    'max_depth',
    'uses',
    'task',
    'protections',
    'binding',
    'credential_id',
    'standing',
    'standing_key',
    'scope_limit',
    'created_seq',
    'created_at',
  ],
}

const valuesOf = (g: Grant, standingKey: string | null): Value[] => [
  g.id,
  g.orgId,
  g.agentId,
  g.instanceId ?? null,
  g.instanceLabel ?? null,
  g.parentId ?? null,
  rootOf(g),
  listOf(g.lineage),
  formatScopes(g.scopes),
  listOf(g.audience),
  g.expiresAt ?? null,
  g.depth,
  g.maxDepth,
  g.uses ?? null,
  g.task ?? null,
  listOf(g.require),
  g.binding ?? null,
  g.credentialId,
  g.standing ? 1 : 0,
  standingKey,
  g.scopeLimit === undefined ? null : formatScopes(g.scopeLimit),
  g.createdSeq,
  g.createdAt,
]

function rowToGrant(row: Row, seal: Seal): Grant | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    id: text(row, 'id'),
    orgId: text(row, 'org_id'),
    agentId: text(row, 'agent_id'),
    ...optionalText(row, 'instance_id', 'instanceId'),
    ...optionalText(row, 'instance_label', 'instanceLabel'),
    ...optionalText(row, 'parent_id', 'parentId'),
    lineage: words(row, 'lineage'),
    scopes: scopes(row, 'scopes'),
    audience: words(row, 'audience'),
    ...optionalNumber(row, 'expires_at', 'expiresAt'),
    depth: number(row, 'depth'),
    maxDepth: number(row, 'max_depth'),
    ...optionalNumber(row, 'uses', 'uses'),
    ...optionalText(row, 'task', 'task'),
    require: words(row, 'protections') as Protection[],
    ...optionalText(row, 'binding', 'binding'),
    credentialId: text(row, 'credential_id'),
    standing: flag(row, 'standing'),
    ...optionalScopes(row, 'scope_limit', 'scopeLimit'),
    createdSeq: number(row, 'created_seq'),
    createdAt: number(row, 'created_at'),
  }
}

const grantRead = (sql: string, values: readonly Value[]): Read<Grant> => ({
  sql,
  values,
  map: rowToGrant,
})

export const grantById = (id: string): Read<Grant> =>
  grantRead(`select * from grants where id = $1`, [id])

/** Several grants at once; lists travel as a JSON object because both engines iterate that alike. */
export const grantsById = (ids: readonly string[]): Read<Grant> =>
  grantRead(
    `select g.* from grants g where g.id in (select value from json_each(cast($1 as text)))`,
    [jsonList(ids)],
  )

export const grantByStandingKey = (key: string): Read<Grant> =>
  grantRead(`select * from grants where standing_key = $1`, [key])

export const standingRoots: Read<Grant> = grantRead(
  `select * from grants where standing = 1 order by id`,
  [],
)

/** The grant and everything below it, oldest first, from just after `after`. */
export const subtree = (rootId: string, id: string, after: string, limit: number): Read<Grant> =>
  grantRead(
    `
    select * from grants
    where root_id = $1 and id > $3
      and (id = $2 or ' ' || lineage || ' ' like '% ' || cast($2 as text) || ' %')
    order by id
    limit $4`,
    [rootId, id, after, limit],
  )

/** Roots made with one of these credentials and all that hangs below them. */
export const grantsFromCredentials = (
  credentialIds: readonly string[],
  after: string,
  limit: number,
): Read<Grant> =>
  grantRead(
    `
    select g.* from grants g
    where g.id > $2 and g.root_id in (
      select r.id from grants r
      where r.parent_id is null
        and r.credential_id in (select value from json_each(cast($1 as text)))
    )
    order by g.id
    limit $3`,
    [jsonList(credentialIds), after, limit],
  )

export const grantsOfInstance = (instanceId: string): Read<Grant> =>
  grantRead(`select * from grants where instance_id = $1`, [instanceId])

export const grantsOfOrg = (orgId: string, after: string, limit: number): Read<Grant> =>
  grantRead(`select * from grants where org_id = $1 and id > $2 order by id limit $3`, [
    orgId,
    after,
    limit,
  ])

export interface InsertGrant {
  readonly grant: Grant
  /** Keys whose restriction would forbid it (revocation.ts), as known at `grant.createdSeq`. */
  readonly guard: readonly string[]
  readonly standingKey?: string
}

/** Inserts unless a key of the guard was restricted since the decision; then the unit is stale. */
export const insertGrant = ({ grant, guard, standingKey }: InsertGrant): Write => ({
  sql: `
    insert into grants (
      id, org_id, agent_id, instance_id, instance_label, parent_id, root_id, lineage, scopes,
      audience, expires_at, depth, max_depth, uses, task, protections, binding, credential_id,
      standing, standing_key, scope_limit, created_seq, created_at, mac
    )
    select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
      cast($6 as text), cast($7 as text), cast($8 as text), cast($9 as text), cast($10 as text),
      cast($11 as bigint), cast($12 as bigint), cast($13 as bigint), cast($14 as bigint),
      cast($15 as text), cast($16 as text), cast($17 as text), cast($18 as text),
      cast($19 as bigint), cast($20 as text), cast($21 as text), cast($22 as bigint),
      cast($23 as bigint), cast($24 as text)
    -- of each
    where not exists (
      select 1 from revocations r
      where r.seq > cast($22 as bigint)
        and r.key || '' in (select value from json_each(cast($25 as text)))
    )
    on conflict (standing_key) do nothing`,
  values: (point) => [
    ...sealed(table, valuesOf(grant, standingKey ?? null), point),
    jsonList(guard),
  ],
  expects: 1,
  otherwise: 'stale',
  together: 'each',
  ...(grant.standing && { change: { entity: 'standing_root', id: grant.id } as const }),
})

/** Whether fewer than `cap` unexpired children hang from a grant, or grants from a root. */
const capSql = {
  parent: `
    select 1 as holds where (
      select count(*) from (
        select 1 from grants where parent_id = $1 and expires_at > $2 limit cast($3 as bigint)
      ) as counted
    ) < cast($3 as bigint)`,
  root: `
    select 1 as holds where (
      select count(*) from (
        select 1 from grants where root_id = $1 and expires_at > $2 limit cast($3 as bigint)
      ) as counted
    ) < cast($3 as bigint)`,
} as const

export interface Cap {
  readonly of: keyof typeof capSql
  readonly id: string
  readonly now: number
  readonly cap: number
}

export const isBelowCap = ({ of, id, now, cap }: Cap): Read<true> => ({
  sql: capSql[of],
  values: [id, now, cap],
  map: () => true,
})

/** The same as a condition of the commit, so that callers that race do not pass it together. */
export const requireBelowCap = ({ of, id, now, cap }: Cap, otherwise: Refusal): Write => ({
  sql: capSql[of],
  values: () => [id, now, cap],
  expects: 1,
  otherwise,
})

export const jsonList = (items: readonly string[]): string =>
  `{${items.map((item, i) => `"${i}":${JSON.stringify(item)}`).join()}}`
