// The database of a test: a file of its own, or a database of its own on PostgreSQL, and a way past every
// rule, as whoever holds the database would have it.

import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import type { Place } from '../../src/store/engine.ts'
import type { Value } from '../../src/store/store.ts'
import { databaseUrl, freeDatabases, template } from './postgres-names.ts'
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
  /** Another that holds the same, while nobody has this one open; on PostgreSQL reached in a way of its own. */
  readonly copyTo: (home: string, via?: Via) => Promise<TestDatabase>
  readonly drop: () => void
}

/** The way that processes take to a database. */
export type Via = (url: string) => Promise<string>

/** On the engine that the run is for, with nothing in it but, on PostgreSQL, the schema. */
export const testDatabase = async (home: string): Promise<TestDatabase> =>
  isOnPostgres() ? onPostgres() : onSqlite(home)

export const isOnPostgres = (): boolean => process.env['REMIT_TEST_ENGINE'] === 'postgres'

function onSqlite(home: string): TestDatabase {
  const path = join(home, 'remit.db')
  function use<T>(work: (db: Database) => T): T {
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
    copyTo: async (other) => {
      cpSync(home, other, { recursive: true })
      return onSqlite(other)
    },
    drop: () => undefined,
  }
}

const tablesOfSqlite = `select name from sqlite_master where type = 'table' order by name`
const tablesOfPostgres = `
  select relname::text as name from pg_class
  where relkind = 'r' and relnamespace = current_schema()::regnamespace
  order by relname`
/** What the schema itself leaves empty. */
const isFilled = (table: string) => table !== 'remit_migrations'

const wholeTable = (name: string): string => `select * from "${name}" order by 1, 2`

const byName = <T>(names: readonly string[], read: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, read(name)]))

let chains = 0

async function onPostgres(via?: Via): Promise<TestDatabase> {
  const name = takeDatabase()
  const url = databaseUrl(inject('postgresUrl'), name)
  const taken = (await via?.(url)) ?? url
  let isAsMigrated = true
  const names = () => askPostgres(url, tablesOfPostgres).rows.map((row) => String(row['name']))
  let held: Readonly<Record<string, Value>> | undefined
  return {
    place: () => {
      chains += 1
      // Strict, so that what one process did is known to the next call in another, as the tests ask.
      return { engine: 'postgres', url: () => taken, chain: `chain-${chains}`, strict: true }
    },
    run: (sql, values) => {
      isAsMigrated &&= /^\s*(?:insert|update|delete)\b/.test(sql)
      return askPostgres(url, numbered(sql), values).count
    },
    first: (sql) => askPostgres(url, sql).first,
    tables: () => byName(names(), (table) => askPostgres(url, wholeTable(table)).rows),
    copyTo: async (_, other) => {
      held ??= byName(names().filter(isFilled), (table) => askPostgres(url, asJson(table)).first)
      const copy = await onPostgres(other)
      for (const [table, json] of Object.entries(held)) {
        if (json !== null) copy.run(fromJson(table), [json])
      }
      return copy
    },
    drop: () => {
      if (isAsMigrated) giveBack(name)
      else dropDatabase(name)
    },
  }
}

const asJson = (table: string) => `select json_agg(each)::text from "${table}" as each`
const fromJson = (table: string) =>
  `insert into "${table}" select * from json_populate_recordset(null::"${table}", ?::json)`

/** One that another test gave back, or a new one: making a database costs more than most tests. */
function takeDatabase(): string {
  const taken = askPostgres(inject('postgresUrl'), takeFree).first
  if (taken !== null) return String(taken)
  const name = `world_${randomBytes(8).toString('hex')}`
  newDatabase(name)
  return name
}

/** Emptied, unless somebody is still in it. */
function giveBack(name: string): void {
  const server = inject('postgresUrl')
  const url = databaseUrl(server, name)
  if (askPostgres(url, othersInside).first !== 0) {
    dropDatabase(name)
    return
  }
  askPostgres(url, emptyAllTables)
  askPostgres(url, undefined)
  askPostgres(server, `insert into ${freeDatabases} (name) values ($1)`, [name])
}

const takeFree = `
  delete from ${freeDatabases}
  where name = (select name from ${freeDatabases} limit 1 for update skip locked)
  returning name`
const othersInside = `
  select count(*) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`
const emptyAllTables = `
  do $$
    declare each text;
    begin
      for each in
        select name from (${tablesOfPostgres}) where name <> 'remit_migrations'
      loop
        execute format('delete from %I', each);
      end loop;
    end
  $$`

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
