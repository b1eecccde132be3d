// Whether the pages and indexes of a database file are whole; read only.

import { Database } from './driver.ts'
import { asProblem } from './sqlite.ts'

/** The engine's findings, a few of them; none when the file is whole. `whole` also compares indexes. */
export function checkFile(path: string, how: 'quick' | 'whole' = 'quick'): readonly string[] {
  let db: Database | undefined
  try {
    db = new Database(path, { readonly: true, fileMustExist: true })
    const pragma = how === 'quick' ? 'quick_check(10)' : 'integrity_check(10)'
    const rows = db.prepare(`pragma ${pragma}`).pluck().all() as string[]
    return rows.filter((row) => row !== 'ok')
  } catch (error) {
    throw asProblem(error)
  } finally {
    db?.close()
  }
}
