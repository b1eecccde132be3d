// A copy of a database file as of one moment, taken while other processes write; and reading a copy
// without changing it.

import { closeSync, fsyncSync, openSync } from 'node:fs'
import { Database } from './driver.ts'
import { engineOf, judgeFile, noStore } from './open.ts'
import type { OpenedStore, OpenOptions } from './open.ts'
import { asProblem } from './sqlite.ts'

const busyTimeoutMs = 15_000

/** Writes the copy durably to a new private file. One snapshot is read, so writers are not held up. */
export function copyDatabase(from: string, to: string): void {
  closeSync(openSync(to, 'wx', 0o600))
  let db: Database | undefined
  try {
    db = new Database(from, { fileMustExist: true, timeout: busyTimeoutMs })
    db.prepare('vacuum into ?').run(to)
  } catch (error) {
    throw asProblem(error)
  } finally {
    db?.close()
  }
  syncFile(to)
}

/** Makes the content of a file durable. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Opens a copy for reading only: nothing is migrated, nothing can be committed. */
export function openCopy(path: string, options: OpenOptions): OpenedStore {
  const found = judgeFile(path)
  if (found.state !== 'store') throw noStore(path, found.state)
  const keys = options.keys(found)
  const { storeId, issuer, schemaVersion } = found
  const db = new Database(path, { readonly: true, fileMustExist: true })
  try {
    const store = engineOf(db, keys, options)
    return { store, facts: { storeId, issuer }, keys, schemaVersion }
  } catch (error) {
    db.close()
    throw asProblem(error)
  }
}
