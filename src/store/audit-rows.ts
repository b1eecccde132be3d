// The rows of the audit as they are, to be taken out of one database and put into another: for exports
// and for verifying them.

import type { Read, Row, Value } from './store.ts'

/** The tables of the audit and their columns; what else a row holds is not of the audit. */
export const auditTables = {
  event: {
    table: 'audit_events',
    columns: [
      'chain',
      'seq',
      'id',
      'at',
      'org_id',
      'operation',
      'outcome',
      'code',
      'agent_id',
      'instance_id',
      'grant_id',
      'lineage',
      'presented',
      'target',
      'detail',
      'count',
      'trace_id',
      'server_id',
      'previous',
      'hash',
    ],
  },
  head: { table: 'audit_heads', columns: ['chain', 'seq', 'hash', 'at', 'mac'] },
  floor: { table: 'audit_floors', columns: ['chain', 'seq', 'hash', 'at', 'mac'] },
  checkpoint: { table: 'audit_checkpoints', columns: ['chain', 'seq', 'head', 'at', 'signed'] },
} as const

export type AuditRowKind = keyof typeof auditTables

const rowRead = (sql: string, values: readonly Value[]): Read<Row> => ({
  sql,
  values,
  map: (row) => row,
})

export const headRows = rowRead(`select * from audit_heads order by chain`, [])
export const floorRows = rowRead(`select * from audit_floors order by chain`, [])
export const checkpointRows = rowRead(`select * from audit_checkpoints order by chain, seq`, [])

export const eventRows = (chain: string, from: number, to: number, limit: number) =>
  rowRead(
    `
    select * from audit_events
    where chain = $1 and seq >= $2 and seq <= $3
    order by seq
    limit $4`,
    [chain, from, to, limit],
  )
