// The store of a home as whoever holds the database sees it, past every rule and every server.
import { join } from 'node:path'
import { Database } from '../../src/store/driver.ts'
import { numbered } from '../support/database.ts'
import { askPostgres } from '../support/postgres-now.ts'

type Fields = Record<string, unknown>

export interface PastTheServer {
  /** The first column of the first row of the store, with `?` for values. */
  first(sql: string, values?: readonly string[]): unknown
  /** Every row of a query. */
  rows(sql: string, values?: readonly string[]): readonly Fields[]
  /** Writes past every rule, as whoever holds the database could. */
  alter(sql: string): void
}

/** Of a home with its store in it, or behind a URL. */
export function databaseOf(url: string | undefined, folder: string): PastTheServer {
  const rows: PastTheServer['rows'] = (sql, values = []) =>
    url === undefined
      ? inFile(join(folder, 'remit.db'), { readonly: true }, (db) => rowsIn(db, sql, values))
      : askPostgres(url, numbered(sql), values).rows
  return {
    rows,
    first: (sql, values) => Object.values(rows(sql, values)[0] ?? {})[0],
    alter: (sql) =>
      url === undefined
        ? inFile(join(folder, 'remit.db'), {}, (db) => void db.exec(sql))
        : void askPostgres(url, sql),
  }
}

const rowsIn = (db: Database, sql: string, values: readonly string[]) =>
  db.prepare(sql).all(...values) as Fields[]

function inFile<T>(file: string, options: { readonly?: boolean }, work: (db: Database) => T): T {
  const db = new Database(file, options)
  try {
    return work(db)
  } finally {
    db.close()
  }
}
