// Brings a database to the present schema, or refuses it. The row that names a migration goes in first
// and in the same transaction, so that two processes that start at once do it once.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Database } from './driver.ts'
import { StoreProblem } from './problem.ts'
import { asProblem } from './sqlite.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

/** The numbered files of `db/`, in order. */
export function migrations(): readonly Migration[] {
  const folder = ['../db/', '../../db/']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path))
  if (folder === undefined) throw new StoreProblem('failed', 'The folder db/ is missing')
  return readdirSync(folder)
    .filter((name) => /^\d{3}_.*\.sql$/.test(name))
    .toSorted()
    .map((name) => ({
      number: Number(name.slice(0, 3)),
      name,
      sql: readFileSync(`${folder}/${name}`, 'utf8'),
    }))
}

/** What is in a database file, judged by its own tables only. */
export function inspect(db: Database): 'nothing' | 'foreign' | 'schema' | 'store' {
  const tables = db
    .prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`)
    .pluck()
    .all() as string[]
  if (tables.length === 0) return 'nothing'
  if (!tables.includes('remit_migrations')) return 'foreign'
  if (!tables.includes('store_facts')) return 'schema'
  const format = db.prepare(`select value from store_facts where name = 'format'`).pluck().get()
  return format === 'remit' ? 'store' : 'schema'
}

/** Applies what is missing; refuses a foreign or newer database untouched. */
export function migrate(db: Database, steps: readonly Migration[] = migrations()): void {
  try {
    if (inspect(db) === 'foreign') {
      throw new StoreProblem('foreign', 'This database belongs to something else')
    }
    db.transaction(() => {
      db.exec(`
        create table if not exists remit_migrations (
          number bigint primary key,
          name text not null,
          applied_at bigint not null
        )`)
    }).immediate()
    for (const step of steps) apply(db, step)
    refuseNewer(db, steps)
  } catch (error) {
    throw asProblem(error)
  }
}

function apply(db: Database, { number, name, sql }: Migration): void {
  const claim = db.prepare(`
    insert into remit_migrations (number, name, applied_at) values (?, ?, ?)
    on conflict (number) do nothing`)
  db.transaction(() => {
    const isMine = claim.run(number, name, Math.floor(Date.now() / 1000)).changes === 1
    if (isMine) db.exec(sql)
  }).immediate()
}

/** A database from a later version is not touched by an earlier one. */
function refuseNewer(db: Database, steps: readonly Migration[]): void {
  if (schemaVersion(db) <= (steps.at(-1)?.number ?? 0)) return
  throw new StoreProblem('newer', 'This store was written by a newer version of Remit')
}

export const schemaVersion = (db: Database): number =>
  Number(db.prepare(`select coalesce(max(number), 0) from remit_migrations`).pluck().get())
