// The database of a test: a file of its own, or a schema of its own on PostgreSQL, and a way past every
// rule, as whoever holds the database would have it.

import Database from 'better-sqlite3'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Place } from '../../src/store/engine.ts'
import type { Value } from '../../src/store/store.ts'

export interface TestDatabase {
  /** Each process that opens it on PostgreSQL has an audit chain of its own. */
  readonly place: () => Place
  /** Runs a statement with `?` for values; answers how many rows it touched. */
  readonly run: (sql: string, values: readonly Value[]) => number
  /** The first column of the first row. */
  readonly first: (sql: string) => Value
  readonly drop: () => void
}

/** On the engine that the run is for. */
export const testDatabase = (home: string, name: string): TestDatabase =>
  process.env['REMIT_TEST_ENGINE'] === 'postgres' ? onPostgres(name) : onSqlite(home)

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
    drop: () => undefined,
  }
}

let chains = 0

function onPostgres(name: string): TestDatabase {
  const server = inject('postgresUrl')
  const url = `${server}?options=${encodeURIComponent(`-c search_path=${name}`)}`
  query(server, `create schema ${name}`, [])
  return {
    place: () => {
      chains += 1
      return { engine: 'postgres', url: () => url, chain: `chain-${chains}`, strict: false }
    },
    run: (sql, values) => query(url, sql, values).count,
    first: (sql) => query(url, sql, []).first,
    drop: () => void query(server, `drop schema ${name} cascade`, []),
  }
}

/** At once, so that tests read alike on both engines: another process asks and waits. */
function query(url: string, sql: string, values: readonly Value[]) {
  const input = JSON.stringify({ url, sql: numbered(sql), values })
  const answer = execFileSync(process.execPath, ['--input-type=module', '-e', asking], {
    input,
    encoding: 'utf8',
  })
  return JSON.parse(answer) as { readonly count: number; readonly first: Value }
}

function numbered(sql: string): string {
  let n = 0
  return sql.replaceAll('?', () => {
    n += 1
    return `$${n}`
  })
}

const asking = `
  import pg from 'pg'
  import { readFileSync } from 'node:fs'
  const { url, sql, values } = JSON.parse(readFileSync(0, 'utf8'))
  pg.types.setTypeParser(20, Number)
  const client = new pg.Client(url)
  await client.connect()
  const { rowCount, rows } = await client.query({ text: sql, values, rowMode: 'array' })
  console.log(JSON.stringify({ count: rowCount ?? 0, first: rows?.[0]?.[0] ?? null }))
  await client.end()
`
