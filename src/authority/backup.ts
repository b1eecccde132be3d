// `remit backup FILE`: a copy of the store as of one moment, while servers write. It gets its name only
// once it is durable, whole, and ends its audit where the store's audit has been.

import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, lstatSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { chainHeads, eventsOfChain } from '../store/audit.ts'
import type { ChainHead } from '../store/audit.ts'
import { checkFile } from '../store/check-file.ts'
import { copyDatabase, openCopy } from '../store/copy-file.ts'
import { openStore } from '../store/engine.ts'
import { newestChange } from '../store/facts.ts'
import { StoreProblem } from '../store/problem.ts'
import { one } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { auditHash } from './audit-verification.ts'
import { homePaths, placeOf, requirePrivateHome } from './home.ts'
import { commitOnHost, onHost } from './on-host.ts'
import type { HostOptions } from './on-host.ts'
import { syncFolder } from './private-file.ts'
import { endsOf } from './prove-audit.ts'
import type { AuditEnds } from './prove-audit.ts'
import { unlockBy } from './unlock.ts'

export interface BackupResult {
  readonly file: string
  readonly store_id: string
  readonly bytes: number
  /** What of the home, and beside it, is in no backup and has to be kept apart. */
  readonly not_included: readonly string[]
  readonly change_seq: number
  readonly audit: AuditEnds
}

/** Refuses a file that is there already, and a copy that is not what the store is. */
export async function backupStore(
  config: Config,
  path: string,
  options: HostOptions = {},
): Promise<BackupResult> {
  requirePrivateHome(config.home)
  const place = placeOf(config)
  if (place.engine !== 'sqlite') throw onlySqlite()
  const file = resolve(path)
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw exists(file)
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(8).toString('hex')}`)
  const opening = { keys: unlockBy(config), hashOf: auditHash, onDamage: () => undefined }
  const opened = await openStore(place, opening)
  try {
    const host = await onHost(opened, options)
    const { storeId } = host.self
    // Before the copy, so that it holds this too.
    await commitOnHost(host, { writes: [], events: [host.event('backup', storeId, {})] })
    copyDatabase(place.path, draft)
    const ends = await provenEnds(openCopy(draft, opening).store, opened.store, draft)
    linkSync(draft, file)
    const bytes = lstatSync(file).size
    return { file, store_id: storeId, ...ends, bytes, not_included: besideStore(config) }
  } catch (error) {
    throw (error as { code?: unknown }).code === 'EEXIST' ? exists(file) : error
  } finally {
    rmSync(draft, { force: true })
    syncFolder(dirname(file))
    await opened.store.close()
  }
}

/** What the database does not hold: keys, files of credentials, the embedded authority, the checkpoints. */
function besideStore({ home, checkpoints, masterKeyFile }: Config): readonly string[] {
  const { masterKey, registration, credentials, ca } = homePaths(home)
  return [masterKeyFile ?? masterKey, registration, credentials, ca, checkpoints].filter((path) =>
    existsSync(path),
  )
}

async function provenEnds(
  copy: Store,
  source: Store,
  path: string,
): Promise<Pick<BackupResult, 'audit' | 'change_seq'>> {
  try {
    const flaws = checkFile(path, 'whole')
    if (flaws.length > 0) throw unproven(flaws.join('; '))
    const heads = await copy.read(chainHeads)
    if (heads.length === 0) throw unproven('its audit has no end')
    for (const head of heads) await requireCommitted(head, source)
    return {
      change_seq: (await one(copy.read(newestChange))) ?? 0,
      audit: endsOf(heads),
    }
  } finally {
    await copy.close()
  }
}

/** The copy's end is one that the store's audit had: the event there has this hash. */
async function requireCommitted(head: ChainHead, source: Store): Promise<void> {
  if (!head.sound) throw unproven(`the end of chain ${head.chain} was tampered with`)
  const [event] = await source.read(eventsOfChain(head.chain, head.seq, 1))
  if (event?.seq === head.seq && event.hash === head.hash) return
  throw unproven(`chain ${head.chain} ends where the store never was`)
}

const unproven = (why: string): StoreProblem =>
  new StoreProblem(
    'damaged',
    `The copy is not to be trusted and was removed: ${why}. Run \`remit doctor\` and \`remit audit verify\` on the store.`,
  )

const exists = (file: string): Refusal =>
  new Refusal('conflict', {
    message: `${file} is there already; nothing was changed.`,
    remedy: { text: 'Name a file that does not exist.' },
  })

const onlySqlite = (): Refusal =>
  new Refusal('unsupported', {
    message: 'A backup file is made of a store in a file.',
    remedy: { text: 'On PostgreSQL use its own tools: pg_dump, or continuous archiving.' },
  })
