// The log beside a database file holds what was committed last. Before anything opens it for writing: it
// must be there where it was in use, and be this file's own. SQLite itself would go on without it, and
// would write the pages of another store into this one.

import { accessSync, constants, existsSync, lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { linkText } from '../core/audit-link.ts'
import type { AuditEvent } from '../core/audit-link.ts'
import { chainHead, eventsOfChain } from './audit.ts'
import type { ChainHead } from './audit.ts'
import { onlyChain } from './batch.ts'
import { checkFile } from './check-file.ts'
import { Database } from './driver.ts'
import { StoreProblem } from './problem.ts'
import { asProblem, sqliteStore } from './sqlite.ts'
import type { Seal } from './store.ts'

/** Throws where a database, its log or its index is a link, or the log was taken away from between them. */
export function requireOwnFiles(path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`]) {
    if (lstatSync(each, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue
    throw new StoreProblem(
      'foreign',
      `${each} is a link. Nothing was changed: put the file itself there, and nothing else.`,
    )
  }
  if (!isLogMissing(path)) return
  throw new StoreProblem(
    'damaged',
    `${path}-wal is missing: without it ${path} lacks what was committed last. Nothing was changed: put it back. If it is lost, move what is left away and \`remit restore\` that, or the newest backup.`,
  )
}

/**
 * Throws where a database that has a log cannot be written to. Even to read one, SQLite makes a log and an index,
 * with the mode of the database; left behind by whoever may not write, they would outlast what was in the way.
 */
export function requireWritable(path: string): void {
  const log = `${path}-wal`
  for (const each of [path, existsSync(log) ? log : dirname(path), `${path}-shm`]) {
    try {
      accessSync(each, constants.R_OK | constants.W_OK)
    } catch (cause) {
      // Another process that closes takes the log and its index away.
      if ((cause as { code?: unknown }).code === 'ENOENT') continue
      throw new StoreProblem(
        'read_only',
        `${each} cannot be written to, and even reading a store writes its audit. Nothing was changed: give this user the right to write there.`,
        { cause },
      )
    }
  }
}

/**
 * The log is made before its index and removed after it, so that none of us leaves an index without a log.
 * Looked at again and again, since another process may be opening or closing.
 */
function isLogMissing(path: string): boolean {
  const isThere = (end: string) => lstatSync(path + end, { throwIfNoEntry: false }) !== undefined
  for (let look = 0; look < looks; look++) {
    if (isThere('-wal') || !isThere('-shm') || isThere('-wal')) return false
    Atomics.wait(clock, 0, 0, 2)
  }
  return true
}

const looks = 5
const clock = new Int32Array(new SharedArrayBuffer(4))

/** Throws where the file is not whole with what is in its log, or that ends with the audit of another. */
export function requireOwnLog(path: string, hash: (text: string) => string, seal: Seal): void {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  if (log === undefined || log.size === 0) return
  const [flaw] = checkFile(path)
  if (flaw !== undefined) throw notOwn(path, flaw)
  if (!endsAsOurs(path, hash, seal)) throw notOwn(path, 'it ends with the audit of another store')
}

/** Whoever tampers with the end alone leaves the last event as it was; that is for the audit to tell. */
function endsAsOurs(path: string, hash: (text: string) => string, seal: Seal): boolean {
  const db = new Database(path, { readonly: true, fileMustExist: true })
  try {
    const store = sqliteStore(db, { seal, hash, onDamage: () => undefined })
    const [head] = store.read(chainHead(onlyChain)) as readonly ChainHead[]
    if (head === undefined || head.sound) return true
    const [last] = store.read(eventsOfChain(onlyChain, head.seq, 1)) as readonly AuditEvent[]
    return last === undefined || last.hash === hash(linkText(last))
  } catch (error) {
    throw asProblem(error)
  } finally {
    db.close()
  }
}

const notOwn = (path: string, why: string): StoreProblem =>
  new StoreProblem(
    'damaged',
    `${path} is not whole with ${path}-wal beside it: ${why}. Nothing was changed: put its own log back, or restore a backup.`,
  )
