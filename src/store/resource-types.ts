// Resource types of an organisation, each operation with the change at which it was registered.

import type { ResourceType } from '../core/state.ts'
import { isSound, number, optionalText, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, Seal, Value, Write } from './store.ts'

const table: SealedTable = {
  name: 'resource_types',
  columns: [
    'org_id',
    'type',
    'description',
    'operations',
    'owner_id',
    'created_at',
    'created_under',
  ],
}

/** Stands for "at this change" in a record that is about to be written. */
export const sinceThisChange = -1

const operationsOf = ({ operations }: ResourceType, seq = sinceThisChange): string =>
  JSON.stringify(
    [...operations].map(([name, since]) => [name, since === sinceThisChange ? seq : since]),
  )

const valuesOf = (t: ResourceType, seq: number): Value[] => [
  t.orgId,
  t.type,
  t.description,
  operationsOf(t, seq),
  t.ownerId,
  t.createdAt,
  t.createdUnder ?? null,
]

function rowToResourceType(row: Row, seal: Seal): ResourceType | undefined {
  if (!isSound(table, row, seal)) return undefined
  return {
    orgId: text(row, 'org_id'),
    type: text(row, 'type'),
    description: text(row, 'description'),
    operations: new Map(JSON.parse(text(row, 'operations')) as [string, number][]),
    ownerId: text(row, 'owner_id'),
    createdAt: number(row, 'created_at'),
    ...optionalText(row, 'created_under', 'createdUnder'),
  }
}

export const allResourceTypes: Read<ResourceType> = {
  sql: `select * from resource_types order by org_id, type`,
  values: [],
  map: rowToResourceType,
}

const entityId = (t: ResourceType): string => `${t.orgId}/${t.type}`

export const resourceTypeByEntityId = (id: string): Read<ResourceType> => ({
  sql: `select * from resource_types where org_id || '/' || type = $1`,
  values: [id],
  map: rowToResourceType,
})

/** Adds a type, or replaces what it was when it was read, so that no operation added since is lost. */
export const putResourceType = (type: ResourceType, previous?: ResourceType): Write => ({
  sql: `
    insert into resource_types (
      org_id, type, description, operations, owner_id, created_at, created_under, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (org_id, type) do update
    set description = excluded.description, operations = excluded.operations, mac = excluded.mac
    where resource_types.owner_id = excluded.owner_id
      and resource_types.created_at = excluded.created_at
      and resource_types.operations = cast($9 as text)`,
  values: (point) => [
    ...sealed(table, valuesOf(type, point.seq), point),
    previous === undefined ? null : operationsOf(previous),
  ],
  expects: 1,
  otherwise: 'stale',
  change: { entity: 'resource_type', id: entityId(type) },
})
