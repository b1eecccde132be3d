// The embedded engine: one file, many processes. Everything answers at once; a commit is durable when it
// returns (wal, synchronous=full), or it did not happen.

import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { Refusal } from '../core/refusal.ts'
import { runBatch } from './batch.ts'
import { commitWithin, diskFailed, hasFailed, withRoom } from './disk.ts'
import { Database, type Statement } from './driver.ts'
import { StoreProblem } from './problem.ts'
import { openReserve } from './reserve.ts'
import type { Reserve } from './reserve.ts'
import type { Read, Row, Seal, Store, Unit, UnitResult, Value } from './store.ts'

export interface SqliteOptions {
  readonly seal: Seal
  readonly hash: (text: string) => string
  /** Called with the table of a row whose MAC is wrong; such a row is left out. */
  readonly onDamage: (sql: string) => void
  /** Called once, when the disk failed under a commit: from then on every call is refused. */
  readonly onFailure?: (problem: Error) => void
  /** Where there is none, a full disk refuses everything that is written. */
  readonly reserve?: Reserve
}

const oldestSqlite = [3, 51, 3] as const
const busyTimeoutMs = 15_000
const creating = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

/** Opens the raw database with the pragmas that durability rests on, each asserted. */
export function openDatabase(path: string): Database {
  // Another process may make it in between: whoever does, the file is private from its first moment. One that
  // is there keeps its mode: whoever took the right to write away meant it.
  if (!existsSync(path)) closeSync(openSync(path, creating, 0o600))
  const db = new Database(path, { timeout: busyTimeoutMs })
  try {
    withRoom(openReserve(path), () => assertPragmas(db))
  } catch (error) {
    db.close()
    throw asProblem(error)
  }
  return db
}

function assertPragmas(db: Database): void {
  const version = String(db.prepare('select sqlite_version() as v').pluck().get())
  if (isOlder(version)) throw new StoreProblem('old_engine', `SQLite ${version} is too old`)
  db.pragma('journal_mode = wal')
  db.pragma('synchronous = full')
  db.pragma('trusted_schema = off')
  // Else every savepoint keeps what it may have to restore in a temporary file.
  db.pragma('temp_store = memory')
  const mode = db.pragma('journal_mode', { simple: true })
  const synchronous = db.pragma('synchronous', { simple: true })
  if (mode !== 'wal' || synchronous !== 2) {
    throw new StoreProblem('not_durable', 'The database cannot run with wal and synchronous=full')
  }
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of oldestSqlite.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part < wanted
  }
  return false
}

/** The store on an open database whose schema is current. */
export function sqliteStore(db: Database, options: SqliteOptions): Store {
  const prepared = new Map<string, Prepared>()
  const dataVersion = db.prepare('pragma data_version').pluck()
  let seenVersion = dataVersion.get()
  let failure: Error | undefined

  function prepareOnce(sql: string): Prepared {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const fresh = prepare(db, sql)
    prepared.set(sql, fresh)
    return fresh
  }

  function read<T>({ sql, values, map, damaged }: Read<T>): T[] {
    try {
      const { statement, bind } = prepareOnce(sql)
      const rows = statement.all(bind(values)) as Row[]
      return rows.flatMap((row) => {
        const record = map(row, options.seal)
        if (record !== undefined) return [record]
        options.onDamage(sql)
        return damaged === undefined ? [] : [damaged(row)]
      })
    } catch (error) {
      throw asProblem(error)
    }
  }

  function run(sql: string, values: readonly Value[]): number {
    const { statement, bind } = prepareOnce(sql)
    if (statement.reader) return statement.all(bind(values)).length
    return statement.run(bind(values)).changes
  }

  /** Empties the log into the database as far as nobody reads it, so that it is written anew from its start. */
  function tidy(): void {
    try {
      db.pragma('wal_checkpoint(passive)')
    } catch {
      // What is committed stays in the log.
    }
  }

  function transaction(units: readonly Unit[], at: number): readonly UnitResult[] {
    try {
      return runBatch({ run, read, seal: options.seal, hash: options.hash }, units, at)
    } catch (error) {
      if (db.inTransaction) run('rollback', [])
      throw error
    }
  }

  return {
    engine: 'sqlite',
    read,
    commit: (units: readonly Unit[], at: number): readonly UnitResult[] => {
      if (failure !== undefined) throw failure
      try {
        const run = (some: readonly Unit[]) => transaction(some, at)
        return commitWithin(options.reserve, units, { run, tidy })
      } catch (error) {
        if (!hasFailed(error)) throw asProblem(error)
        failure = diskFailed(error)
        options.onFailure?.(failure)
        throw failure
      }
    },
    changedElsewhere: () => {
      if (failure !== undefined) throw failure
      const version = dataVersion.get()
      if (version === seenVersion) return false
      seenVersion = version
      return true
    },
    close: () => {
      db.close()
    },
  }
}

interface Prepared {
  readonly statement: Statement
  /** The values in the order of their places. */
  readonly bind: (values: readonly Value[]) => readonly Value[]
}

/** better-sqlite3 looks up `$1` by name at every run; by place, inserts of many columns take half as long. */
function prepare(db: Database, sql: string): Prepared {
  const order: number[] = []
  const byPlace = sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    order.push(Number(number) - 1)
    return '?'
  })
  const bind = (values: readonly Value[]) => order.map((i) => values[i] ?? null)
  return { statement: db.prepare(byPlace), bind }
}

const corrupt = /^SQLITE_(CORRUPT|NOTADB)/
const meanings: readonly (readonly [code: RegExp, meaning: string])[] = [
  [corrupt, ', a page of it is damaged'],
  [/^SQLITE_(READONLY|PERM|AUTH)/, ', it cannot be written to'],
  [/^SQLITE_CANTOPEN/, ', a file in its folder cannot be opened or made'],
  [/^SQLITE_BUSY/, ', another process held it for too long'],
  [/^SQLITE_(FULL|IOERR_SHMSIZE)/, ', the disk is full'],
  [/^SQLITE_IOERR/, ', the disk failed'],
]

/** What an error of the engine means to a caller; the engine's own words go to the log only. */
export function asProblem(error: unknown): Error {
  if (error instanceof Refusal || error instanceof StoreProblem) return error
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error as Error
  const what = corrupt.test(code) ? 'damaged' : 'failed'
  const [, meaning = ''] = meanings.find(([pattern]) => pattern.test(code)) ?? []
  return new StoreProblem(what, `The database answered ${code}${meaning}`, { cause: error })
}
