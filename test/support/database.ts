// The database of a test: a file of its own, or a database of its own on PostgreSQL, and a way past every
// rule, as whoever holds the database would have it.

import Database from 'better-sqlite3'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Place } from '../../src/store/engine.ts'
import type { Value } from '../../src/store/store.ts'
import { databaseUrl, template } from './postgres-names.ts'
import { askPostgres } from './postgres-now.ts'

export type Rows = Readonly<Record<string, unknown>>[]

export interface TestDatabase {
  /** Each process that opens it on PostgreSQL has an audit chain of its own. */
  readonly place: () => Place
  /** Runs a statement with `?` for values; answers how many rows it touched. */
  readonly run: (sql: string, values: readonly Value[]) => number
  /** The first column of the first row. */
  readonly first: (sql: string) => Value
  /** All rows of all tables, by table. */
  readonly tables: () => Readonly<Record<string, Rows>>
  readonly drop: () => void
}

/** On the engine that the run is for. */
export const testDatabase = async (
  home: string,
  name: string,
  via?: (url: string) => Promise<string>,
): Promise<TestDatabase> => (isOnPostgres() ? onPostgres(name, via) : onSqlite(home))

export const isOnPostgres = (): boolean => process.env['REMIT_TEST_ENGINE'] === 'postgres'

function onSqlite(home: string): TestDatabase {
  const path = join(home, 'remit.db')
  function use<T>(work: (db: Database.Database) => T): T {
    const db = new Database(path)
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  return {
    place: () => ({ engine: 'sqlite', path }),
    run: (sql, values) => use((db) => db.prepare(sql).run(...values).changes),
    first: (sql) => use((db) => db.prepare(sql).pluck().get() as Value),
    tables: () =>
      use((db) => {
        const names = db.prepare(tablesOfSqlite).pluck().all() as string[]
        return byName(names, (name) => db.prepare(wholeTable(name)).all() as Rows)
      }),
    drop: () => undefined,
  }
}

const tablesOfSqlite = `select name from sqlite_master where type = 'table' order by name`
const tablesOfPostgres = `
  select table_name as name
  from information_schema.tables
  where table_schema = current_schema()
  order by table_name`

const wholeTable = (name: string): string => `select * from "${name}" order by 1, 2`

const byName = (names: readonly string[], read: (name: string) => Rows) =>
  Object.fromEntries(names.map((name) => [name, read(name)]))

let chains = 0

async function onPostgres(
  name: string,
  via?: (url: string) => Promise<string>,
): Promise<TestDatabase> {
  const url = newDatabase(name)
  const taken = (await via?.(url)) ?? url
  return {
    place: () => {
      chains += 1
      // Strict, so that what one process did is known to the next call in another, as the tests ask.
      return { engine: 'postgres', url: () => taken, chain: `chain-${chains}`, strict: true }
    },
    run: (sql, values) => askPostgres(url, numbered(sql), values).count,
    first: (sql) => askPostgres(url, sql).first,
    tables: () => {
      const names = askPostgres(url, tablesOfPostgres).rows
      return byName(
        names.map(({ name }) => String(name)),
        (name) => askPostgres(url, wholeTable(name)).rows,
      )
    },
    drop: () => {
      dropDatabase(name)
    },
  }
}

/** A copy of another database of the run's server, by default of an empty one with the schema. */
export function newDatabase(name: string, of: string = template): string {
  const server = inject('postgresUrl')
  askPostgres(server, `create database ${name} template ${of} strategy file_copy`)
  return databaseUrl(server, name)
}

export function dropDatabase(name: string): void {
  const server = inject('postgresUrl')
  askPostgres(databaseUrl(server, name), undefined)
  askPostgres(server, `drop database ${name} with (force)`)
}

/** `?` as PostgreSQL has it. */
export function numbered(sql: string): string {
  let n = 0
  return sql.replaceAll('?', () => {
    n += 1
    return `$${n}`
  })
}
