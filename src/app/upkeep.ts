// Upkeep of a store, on its host, by whoever has its files and its master key: wired like the rest, but
// without a registration and without a caller.

import { resolve } from 'node:path'
import { backupStore } from '../authority/backup.ts'
import type { BackupResult } from '../authority/backup.ts'
import type { Log } from '../authority/context.ts'
import { exportLines } from '../authority/export-audit.ts'
import { placeOf, urlIn } from '../authority/home.ts'
import { moveStore as move } from '../authority/move-store.ts'
import type { MoveResult } from '../authority/move-store.ts'
import { onHost } from '../authority/on-host.ts'
import type { OnHost } from '../authority/on-host.ts'
import { pruneStore } from '../authority/prune.ts'
import type { PruneAsked, PruneReport } from '../authority/prune.ts'
import { restoreStore } from '../authority/restore.ts'
import type { RestoreResult } from '../authority/restore.ts'
import { rotateMaster as rotate } from '../authority/rotate-master.ts'
import type { MasterRotation } from '../authority/rotate-master.ts'
import { verifyExport, verifyStore } from '../authority/verify-store.ts'
import type { AuditVerdict, KnownStore } from '../authority/verify-store.ts'
import { openExisting, starting } from '../app.ts'
import type { MoveAsked, VerifyAsked } from '../cli/host.ts'
import type { Config } from '../config.ts'
import { holdsPassword, isDatabaseUrl } from '../config/shapes.ts'
import { Refusal } from '../core/refusal.ts'
import { judgeStore } from '../store/engine.ts'

export const backup = (config: Config, file: string): Promise<BackupResult> =>
  starting(() => backupStore(config, file))

export const restore = (
  config: Config,
  file: string,
  acceptOlder: boolean,
): Promise<RestoreResult> => starting(() => restoreStore(config, file, { acceptOlder }))

/** Moves the store of a file to where it is said, or else to where the environment says. */
export const moveStore = (config: Config, { from, to, toFile }: MoveAsked): Promise<MoveResult> =>
  starting(() => {
    if (to !== undefined && toFile !== undefined) throw oneTarget()
    if (toFile !== undefined) return move(config, from, urlIn(resolve(toFile), '--to-file'))
    if (to !== undefined) return move(config, from, givenUrl(to))
    const place = placeOf(config)
    if (place.engine !== 'postgres') throw noTarget()
    return move(config, from, place.url)
  })

/** A flag can be read by every user of the machine, so that no secret is taken from one. */
function givenUrl(url: string): () => string {
  if (!isDatabaseUrl(url)) {
    throw new Refusal('invalid_request', { message: '--to must be a postgres:// URL.' })
  }
  if (!holdsPassword(url)) return () => url
  throw new Refusal('invalid_request', {
    message: 'A URL that holds a password is not taken from a flag; nothing was changed.',
    remedy: {
      text: 'Put it into a file of your own (chmod 600) and name that: --to-file, or REMIT_DATABASE_URL_FILE.',
    },
  })
}

const oneTarget = (): Refusal =>
  new Refusal('invalid_request', { message: 'Give --to or --to-file, not both.' })
const noTarget = (): Refusal =>
  new Refusal('invalid_request', {
    message: 'It is not said where the store is to go.',
    remedy: { text: 'Name it: --to-file, --to or REMIT_DATABASE_URL_FILE.' },
  })

export const rotateMaster = (config: Config, newKeyFile?: string): Promise<MasterRotation> =>
  starting(() => rotate(config, newKeyFile === undefined ? {} : { newKeyFile }))

export const prune = (config: Config, log: Log, asked: PruneAsked): Promise<PruneReport> =>
  withHost(config, log, (host) => pruneStore(host, config, asked))

/** Verifies the audit of the store or of an export; no server has to run. */
export const verifyAudit = (
  config: Config,
  log: Log,
  { chain, exported, checkpoints }: VerifyAsked,
): Promise<AuditVerdict> => {
  const asked = { chain, kept: checkpoints ?? config.checkpoints }
  return exported === undefined
    ? withHost(config, log, (host) => verifyStore(host, asked))
    : starting(async () => verifyExport(exported, asked, await storeAtHand(config, log)))
}

/** An export is verified with the keys of its store where there is one, and without where there is none. */
async function storeAtHand(config: Config, log: Log): Promise<KnownStore | undefined> {
  const found = await judgeStore(placeOf(config))
  if (found.state !== 'store') return undefined
  return withHost(config, log, ({ keys, ring, self, now }) =>
    Promise.resolve({
      keys,
      storeId: self.storeId,
      verifiers: ring.verifiers('checkpoint', now()),
    }),
  )
}

/** Writes the audit as lines of JSON; returns how many events there were. */
export const exportAudit = (
  config: Config,
  log: Log,
  write: (line: string) => Promise<void>,
): Promise<number> =>
  withHost(config, log, async (host) => {
    let events = 0
    for await (const { line, isEvent } of exportLines(host)) {
      await write(line)
      if (isEvent) events += 1
    }
    return events
  })

const withHost = <T>(config: Config, log: Log, work: (host: OnHost) => Promise<T>): Promise<T> =>
  starting(async () => {
    const opened = await openExisting(config, log)
    try {
      return await work(await onHost(opened))
    } finally {
      await opened.store.close()
    }
  })
