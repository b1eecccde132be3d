// Opening the store that is there. The file is judged before anything is written to it: what is missing,
// empty, foreign, newer, damaged or under another master key is refused as it lies, and says what to do.
// Only `init` makes a store.

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { mac } from '../crypto/keyed-hash.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import { withRoom } from './disk.ts'
import { Database } from './driver.ts'
import { requireOwnFiles, requireOwnLog, requireWritable } from './log-file.ts'
import { inspect, migrate, migrations, schemaVersion } from './migrate.ts'
import { StoreProblem } from './problem.ts'
import { asProblem, openDatabase, sqliteStore } from './sqlite.ts'
import type { SqliteOptions } from './sqlite.ts'
import { openReserve } from './reserve.ts'
import type { Seal, Store } from './store.ts'

/** What a store says about itself. */
export interface StoreFacts {
  readonly storeId: string
  readonly issuer: string
}

/** The data key as the store keeps it, sealed under the master key. */
export interface SealedKey {
  readonly storeId: string
  readonly sealedKey: string
}

export interface OpenedStore {
  readonly store: Store
  readonly facts: StoreFacts
  readonly keys: Subkeys
  readonly schemaVersion: number
}

export interface OpenOptions extends Pick<SqliteOptions, 'onFailure'> {
  /** Asked for only once a store was found; throws where the master key does not open its data key. */
  readonly keys: (sealed: SealedKey) => Subkeys
  /** The hash that links audit events. */
  readonly hashOf: (keys: Subkeys) => (text: string) => string
  /** Called with the query that met a row whose MAC is wrong. */
  readonly onDamage: (sql: string) => void
}

/** The same before there is a store that keeps a key. */
export interface InitOptions extends Omit<OpenOptions, 'keys'> {
  readonly keys: () => Subkeys
}

/** Opens and migrates an existing store. Throws a `StoreProblem` and leaves the file as it is. */
export function openStore(path: string, options: OpenOptions): OpenedStore {
  const found = judgeFile(path)
  if (found.state !== 'store') throw noStore(path, found.state)
  const keys = options.keys(found)
  requireOwnLog(path, options.hashOf(keys), sealBy(keys))
  const db = openDatabase(path)
  try {
    migrate(db)
    const { storeId, issuer } = found
    const store = engineOf(db, keys, { ...options, reserve: openReserve(path) })
    return { store, facts: { storeId, issuer }, keys, schemaVersion: schemaVersion(db) }
  } catch (error) {
    db.close()
    throw advised(path, error)
  }
}

/** For `init` alone: a database with the schema and no store in it. Refuses where there is a store. */
export function openForInit(path: string, options: InitOptions): Store {
  const found = judgeFile(path)
  if (found.state === 'store')
    throw new StoreProblem('exists', `There is a store at ${path} already.`)
  const db = openDatabase(path)
  try {
    migrate(db)
    return engineOf(db, options.keys(), { ...options, reserve: openReserve(path) })
  } catch (error) {
    db.close()
    throw advised(path, error)
  }
}

/** Brings an existing store or schema up to date; returns its version before and after. */
export function migrateFile(path: string): { readonly from: number; readonly to: number } {
  const found = judgeFile(path)
  if (found.state === 'missing' || found.state === 'empty') throw noStore(path, found.state)
  const db = openDatabase(path)
  try {
    const from = schemaVersion(db)
    migrate(db)
    return { from, to: schemaVersion(db) }
  } catch (error) {
    throw advised(path, error)
  } finally {
    db.close()
  }
}

export type Judged =
  | { readonly state: 'missing' | 'empty' | 'schema' }
  | ({ readonly state: 'store'; readonly schemaVersion: number } & StoreFacts & SealedKey)

/** What a file is, found out without writing to it. Throws where it is foreign, newer or damaged. */
export function judgeFile(path: string): Judged {
  requireOwnFiles(path)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return { state: 'missing' }
  if (!stats.isFile()) throw new StoreProblem('foreign', `${path} is not a file.`)
  if (stats.size === 0) return { state: 'empty' }
  const kind = readHeader(path)
  if (kind === 'foreign') throw damaged(path, 'it is not a SQLite database')
  if (kind === 'with_log') requireWritable(path)
  let db: Database | undefined
  try {
    const found = new Database(path, { readonly: true, fileMustExist: true })
    db = found
    return withRoom(openReserve(path), () => judge(path, found))
  } catch (error) {
    throw advised(path, error)
  } finally {
    db?.close()
  }
}

function judge(path: string, db: Database): Judged {
  const state = inspect(db)
  if (state === 'nothing') return { state: 'empty' }
  if (state === 'foreign') {
    throw new StoreProblem(
      'foreign',
      `${path} is a database of something else. Nothing was changed: choose another REMIT_HOME.`,
    )
  }
  const version = schemaVersion(db)
  if (version > (migrations().at(-1)?.number ?? 0)) {
    throw new StoreProblem(
      'newer',
      `${path} was written by a newer version of Remit (schema ${version}). Nothing was changed: use that version or a later one.`,
    )
  }
  if (state === 'schema') return { state }
  const rows = db.prepare('select name, value from store_facts').raw().all() as [string, string][]
  const facts = new Map(rows)
  const fact = (name: string): string => {
    const value = facts.get(name)
    if (value === undefined) throw damaged(path, `the fact ${name} is missing`)
    return value
  }
  return {
    state: 'store',
    storeId: fact('store_id'),
    issuer: fact('issuer'),
    sealedKey: fact('data_key'),
    schemaVersion: version,
  }
}

export const engineOf = (
  db: Database,
  keys: Subkeys,
  { hashOf, ...options }: Pick<OpenOptions, 'hashOf'> & Omit<SqliteOptions, 'seal' | 'hash'>,
): Store => sqliteStore(db, { ...options, seal: sealBy(keys), hash: hashOf(keys) })

/** The MAC of rows under the keys of a store. */
export const sealBy =
  (keys: Subkeys): Seal =>
  (table, values) =>
    mac(keys.rows, [table, ...values])

/** By how the file format begins: its magic, and at 18 whether whoever writes keeps a log (wal). */
function readHeader(path: string): 'foreign' | 'alone' | 'with_log' {
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(20)
    const isWhole = readSync(file, start) === start.length
    if (!isWhole || start.toString('latin1', 0, 16) !== 'SQLite format 3\0') return 'foreign'
    return start[18] === 2 ? 'with_log' : 'alone'
  } finally {
    closeSync(file)
  }
}

export const noStore = (path: string, state: 'missing' | 'empty' | 'schema'): StoreProblem => {
  const what = {
    missing: 'does not exist',
    empty: 'is empty',
    schema: 'holds a schema and no store',
  }[state]
  const advice = 'Run `remit init` to make a store, or restore a backup if there was one.'
  return new StoreProblem(
    state === 'missing' ? 'missing' : 'empty',
    `There is no store: ${path} ${what}. ${advice}`,
  )
}

const damaged = (path: string, why: string, cause?: unknown): StoreProblem =>
  new StoreProblem(
    'damaged',
    `${path} cannot be read as a store: ${why}. Nothing was changed: restore a backup of it, with its master key.`,
    { cause },
  )

/** The engine's answer, with the file it is about and what to do. */
function advised(path: string, error: unknown): Error {
  const problem = asProblem(error)
  if (!(problem instanceof StoreProblem) || problem.message.includes(path)) return problem
  if (problem.kind === 'damaged') return damaged(path, problem.message, problem.cause)
  return new StoreProblem(problem.kind, `${path}: ${problem.message}.`, { cause: problem.cause })
}
