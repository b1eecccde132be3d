// Whether the pages and indexes of a database file are whole; read only, for `remit doctor`.

import Database from 'better-sqlite3'
import { asProblem } from './sqlite.ts'

/** The engine's findings, a few of them; none when the file is whole. */
export function checkFile(path: string): readonly string[] {
  let db: Database.Database | undefined
  try {
    db = new Database(path, { readonly: true, fileMustExist: true })
    const rows = db.prepare('pragma quick_check(10)').pluck().all() as string[]
    return rows.filter((row) => row !== 'ok')
  } catch (error) {
    throw asProblem(error)
  } finally {
    db?.close()
  }
}
