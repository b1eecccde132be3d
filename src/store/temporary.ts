// A store that is gone when it is closed, to look at rows that came from elsewhere with the queries that
// every other store has.

import { auditTables } from './audit-rows.ts'
import type { AuditRowKind } from './audit-rows.ts'
import { Database } from './driver.ts'
import { migrate } from './migrate.ts'
import { sqliteStore } from './sqlite.ts'
import type { Row, Seal, Store } from './store.ts'

export interface TemporaryStore {
  readonly store: Store
  /** Puts a row in; `false` where another stands in its place. */
  put(kind: AuditRowKind, row: Row): boolean
}

export function temporaryStore(seal: Seal): TemporaryStore {
  // SQLite keeps it in a file of no name, which goes with the connection.
  const db = new Database('')
  db.pragma('synchronous = off')
  db.pragma('journal_mode = off')
  migrate(db)
  const inserts = Object.fromEntries(
    Object.entries(auditTables).map(([kind, { table, columns }]) => {
      const places = columns.map(() => '?').join(', ')
      const sql = `insert or ignore into ${table} (${columns.join(', ')}) values (${places})`
      return [kind, db.prepare(sql)]
    }),
  )
  return {
    store: sqliteStore(db, { seal, hash: () => '', onDamage: () => undefined }),
    put: (kind, row) => {
      const values = auditTables[kind].columns.map((column) => row[column] ?? null)
      return inserts[kind]?.run(...values).changes === 1
    },
  }
}
