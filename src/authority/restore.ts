// `remit restore FILE`: puts a backup where no store is. It must be whole, open with this master key and
// verify; and it is compared with the checkpoints that are kept outside the database, since a backup
// older than those would bring back to life what was revoked after it.

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import type { Checkpoint } from '../store/audit.ts'
import { checkFile } from '../store/check-file.ts'
import { syncFile } from '../store/copy-file.ts'
import { judgeFile, openStore } from '../store/open.ts'
import { StoreProblem } from '../store/problem.ts'
import { auditHash } from './audit-verification.ts'
import { placeOf, requirePrivateHome } from './home.ts'
import { commitOnHost, onHost } from './on-host.ts'
import type { HostOptions } from './on-host.ts'
import { makePrivateFolder, syncFolder } from './private-file.ts'
import { notWhole, proveAudit } from './prove-audit.ts'
import type { AuditEnds } from './prove-audit.ts'
import { unlockBy } from './unlock.ts'

export interface RestoreResult {
  readonly database: string
  readonly store_id: string
  readonly audit: AuditEnds
  /** How many checkpoints outside the database it was compared with. */
  readonly checkpoints_compared: number
  /** Where the checkpoints that the backup is older than are kept from now on. */
  readonly set_aside?: string
}

export interface RestoreOptions extends HostOptions {
  /** Whether a backup older than the newest checkpoint is taken, and what was revoked since comes back. */
  readonly acceptOlder?: boolean
}

/** Refuses where anything of a store is, and a backup that is not whole, not ours, or too old. */
export async function restoreStore(
  config: Config,
  path: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const file = resolve(path)
  const place = placeOf(config)
  if (place.engine !== 'sqlite') throw onlySqlite()
  refuseExisting(place.path)
  refuseNoBackup(file)
  makePrivateFolder(config.home)
  requirePrivateHome(config.home)
  const draft = join(config.home, `.${basename(place.path)}.${randomBytes(8).toString('hex')}`)
  try {
    copyFileSync(file, draft, constants.COPYFILE_EXCL)
    chmodSync(draft, 0o600)
    judgeFile(draft)
    const flaws = flawsOf(draft)
    if (flaws.length > 0) throw notWhole(file, 'restored', flaws.join('; '))
    const { lost, ...proven } = await prove(config, draft, file, options)
    syncFile(draft)
    const setAside = lost ? setCheckpointsAside(config.checkpoints) : undefined
    linkSync(draft, place.path)
    return {
      database: place.path,
      ...proven,
      ...(setAside !== undefined && { set_aside: setAside }),
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') refuseExisting(place.path)
    throw about(file, draft, error)
  } finally {
    for (const end of ['', '-wal', '-shm', '-reserve']) rmSync(draft + end, { force: true })
    syncFolder(config.home)
  }
}

/** Opens the draft as the store it will be, verifies it, and remembers in it that it was restored. */
async function prove(config: Config, draft: string, file: string, options: RestoreOptions) {
  const opening = { keys: unlockBy(config), hashOf: auditHash, onDamage: () => undefined }
  const opened = openStore(draft, opening)
  try {
    const host = await onHost(opened, options)
    const { storeId } = host.self
    const { heads, compared, newer } = await proveAudit(host, config.checkpoints, file, 'restored')
    if (newer !== undefined && options.acceptOlder !== true) throw isOlder(file, newer)
    const detail = newer === undefined ? {} : { accepted_older: true, lost_up_to: newer.seq }
    await commitOnHost(host, { writes: [], events: [host.event('restore', storeId, detail)] })
    return {
      store_id: storeId,
      audit: heads,
      checkpoints_compared: compared,
      lost: newer !== undefined,
    }
  } finally {
    await opened.store.close()
  }
}

/** What is said of the draft is true of the file that was named. */
function about(file: string, draft: string, error: unknown): unknown {
  if (!(error instanceof StoreProblem)) return error
  const { kind, cause } = error
  const said = error.message.replaceAll(draft, file)
  const hint = kind === 'wrong_master_key' ? ' A backup opens with the key of its time.' : ''
  return new StoreProblem(kind, said + hint, { cause })
}

/** What the engine finds, also where that is so much that it gives up. */
function flawsOf(draft: string): readonly string[] {
  try {
    return checkFile(draft, 'whole')
  } catch (error) {
    return [(error as Error).message]
  }
}

/** They are evidence of what was lost, and the restored store's own begin anew. */
function setCheckpointsAside(path: string): string {
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  renameSync(path, aside)
  syncFolder(dirname(path))
  return aside
}

function refuseExisting(database: string): void {
  const found = ['', '-wal', '-shm', '-journal']
    .map((end) => database + end)
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
  if (found.length === 0) return
  throw new Refusal('conflict', {
    message: `There is something already: ${found.join(', ')}. Nothing was changed.`,
    remedy: {
      text: 'Stop every server, move all of these away together, and run it again; or restore into another REMIT_HOME.',
    },
  })
}

function refuseNoBackup(file: string): void {
  const stats = lstatSync(file, { throwIfNoEntry: false })
  if (stats?.isFile() !== true) {
    throw new Refusal('not_found', { message: `There is no backup at ${file}.` })
  }
  const journal = lstatSync(`${file}-wal`, { throwIfNoEntry: false })
  if (journal === undefined || journal.size === 0) return
  throw new Refusal('invalid_request', {
    message: `${file} has a -wal file beside it: it is a database in use, or a bare copy of one.`,
    remedy: { text: 'Restore a file that `remit backup` made.' },
  })
}

const isOlder = (file: string, { seq, at }: Checkpoint): Refusal =>
  new Refusal('conflict', {
    message: `${file} is older than the newest checkpoint, of event ${seq} at ${new Date(at * 1000).toISOString()}. Everything after the backup would be undone: what was revoked, suspended or rotated since would be valid again.`,
    remedy: {
      text: 'Look for a newer backup. If there is none: --accept-older, then revoke and rotate again what the audit shows.',
    },
  })

const onlySqlite = (): Refusal =>
  new Refusal('unsupported', {
    message: 'A backup file is restored as a store in a file.',
    remedy: { text: 'Unset REMIT_DATABASE_URL, restore, then move it with `remit migrate-store`.' },
  })
