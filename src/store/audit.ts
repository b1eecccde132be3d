// The audit: events appended to a chain, its sealed head, and signed checkpoints of count and head.

import type { AuditEvent } from '../core/audit-link.ts'
import { auditTables } from './audit-rows.ts'
import { isSound, number, optionalText, sealed, text, words, listOf } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Row, RowsOf, Value, Write } from './store.ts'

export const eventValues = (e: AuditEvent): Value[] => [
  e.chain,
  e.seq,
  e.id,
  e.at,
  e.orgId,
  e.operation,
  e.outcome,
  e.code,
  e.agentId ?? null,
  e.instanceId ?? null,
  e.grantId ?? null,
  listOf(e.lineage),
  e.presented ?? null,
  e.target ?? null,
  e.detail,
  e.count,
  e.traceId ?? null,
  e.serverId,
  e.previous,
  e.hash,
]

export const insertEventSql = `
  insert into audit_events (
    chain, seq, id, at, org_id, operation, outcome, code, agent_id, instance_id, grant_id, lineage,
    presented, target, detail, count, trace_id, server_id, previous, hash
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`

export const rowsOfEvents: RowsOf = { table: 'audit_events', columns: auditTables.event.columns }

const rowToEvent = (row: Row): AuditEvent => ({
  id: text(row, 'id'),
  chain: text(row, 'chain'),
  seq: number(row, 'seq'),
  at: number(row, 'at'),
  orgId: text(row, 'org_id'),
  operation: text(row, 'operation'),
  outcome: text(row, 'outcome') as AuditEvent['outcome'],
  code: text(row, 'code'),
  ...optionalText(row, 'agent_id', 'agentId'),
  ...optionalText(row, 'instance_id', 'instanceId'),
  ...optionalText(row, 'grant_id', 'grantId'),
  lineage: words(row, 'lineage'),
  ...optionalText(row, 'presented', 'presented'),
  ...optionalText(row, 'target', 'target'),
  detail: text(row, 'detail'),
  count: number(row, 'count'),
  ...optionalText(row, 'trace_id', 'traceId'),
  serverId: text(row, 'server_id'),
  previous: text(row, 'previous'),
  hash: text(row, 'hash'),
})

export interface EventFilter {
  readonly orgId: string
  readonly agentId?: string
  /** The grant itself and everything below it. */
  readonly grantId?: string
  readonly operation?: string
  readonly outcome?: string
  readonly code?: string
  readonly since?: number
  readonly until?: number
  /** Newest first, starting below this event id. */
  readonly before?: string
  readonly limit: number
}

export const queryEvents = (filter: EventFilter): Read<AuditEvent> => ({
  sql: `
    select * from audit_events
    where org_id = $1
      and (cast($2 as text) is null or agent_id = $2)
      and (cast($3 as text) is null or grant_id = $3
        or ' ' || lineage || ' ' like '% ' || cast($3 as text) || ' %')
      and (cast($4 as text) is null or operation = $4)
      and (cast($5 as text) is null or outcome = $5)
      and (cast($6 as text) is null or code = $6)
      and (cast($7 as bigint) is null or at >= $7)
      and (cast($8 as bigint) is null or at <= $8)
      and (cast($9 as text) is null or id < $9)
    order by id desc
    limit $10`,
  values: [
    filter.orgId,
    filter.agentId ?? null,
    filter.grantId ?? null,
    filter.operation ?? null,
    filter.outcome ?? null,
    filter.code ?? null,
    filter.since ?? null,
    filter.until ?? null,
    filter.before ?? null,
    filter.limit,
  ],
  map: rowToEvent,
})

export const eventsOfChain = (chain: string, fromSeq: number, limit: number): Read<AuditEvent> => ({
  sql: `select * from audit_events where chain = $1 and seq >= $2 order by seq limit $3`,
  values: [chain, fromSeq, limit],
  map: rowToEvent,
})

export interface ChainHead {
  readonly chain: string
  readonly seq: number
  readonly hash: string
  readonly at: number
  /** Whether its MAC fits; an unsound head vouches for nothing. */
  readonly sound: boolean
}

const headTable: SealedTable = { name: 'audit_heads', columns: ['chain', 'seq', 'hash', 'at'] }

const headRead = (sql: string, values: readonly Value[]): Read<ChainHead> => ({
  sql,
  values,
  map: (row, seal) => ({
    chain: text(row, 'chain'),
    seq: number(row, 'seq'),
    hash: text(row, 'hash'),
    at: number(row, 'at'),
    sound: isSound(headTable, row, seal),
  }),
})

export const chainHeads = headRead(`select * from audit_heads order by chain`, [])

export const chainHead = (chain: string) =>
  headRead(`select * from audit_heads where chain = $1`, [chain])

/** When anything was last committed with an event. */
export const newestHeadTime: Read<number> = {
  sql: `select coalesce(max(at), 0) as at from audit_heads`,
  values: [],
  map: (row) => number(row, 'at'),
}

export const putHead = (head: Omit<ChainHead, 'sound'>): Write => ({
  sql: `
    insert into audit_heads (chain, seq, hash, at, mac) values ($1, $2, $3, $4, $5)
    on conflict (chain) do update
    set seq = excluded.seq, hash = excluded.hash, at = excluded.at, mac = excluded.mac`,
  values: (point) => sealed(headTable, [head.chain, head.seq, head.hash, head.at], point),
})

export interface Checkpoint {
  readonly chain: string
  readonly seq: number
  readonly head: string
  readonly at: number
  /** The signed statement, a JWT of its own type. */
  readonly signed: string
}

const checkpointRead = (sql: string, values: readonly Value[]): Read<Checkpoint> => ({
  sql,
  values,
  map: (row) => ({
    chain: text(row, 'chain'),
    seq: number(row, 'seq'),
    head: text(row, 'head'),
    at: number(row, 'at'),
    signed: text(row, 'signed'),
  }),
})

export const checkpointsOf = (chain: string) =>
  checkpointRead(`select * from audit_checkpoints where chain = $1 order by seq`, [chain])

export const newestCheckpointOf = (chain: string) =>
  checkpointRead(`select * from audit_checkpoints where chain = $1 order by seq desc limit 1`, [
    chain,
  ])

export const newestCheckpoint = checkpointRead(
  `select * from audit_checkpoints order by at desc, seq desc limit 1`,
  [],
)

export const insertCheckpoint = (checkpoint: Checkpoint): Write => ({
  sql: `
    insert into audit_checkpoints (chain, seq, head, at, signed) values ($1, $2, $3, $4, $5)
    on conflict (chain, seq) do nothing`,
  values: () => [
    checkpoint.chain,
    checkpoint.seq,
    checkpoint.head,
    checkpoint.at,
    checkpoint.signed,
  ],
})
