// `remit keys rotate-master`: another master key for the same store. Only the data key is sealed anew, by
// one commit; what was derived from it stays, so that running servers notice nothing. The new master key
// waits beside the old one until that commit and replaces it after: killed at any point, one of the two
// opens the store (see unlock.ts), and running it again finishes what was begun.

import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { sealDataKey } from '../crypto/data-key.ts'
import { judgeStore, nameOf, openStore } from '../store/engine.ts'
import type { Place } from '../store/engine.ts'
import { replaceFact } from '../store/facts.ts'
import type { SealedKey } from '../store/open.ts'
import { StoreProblem } from '../store/problem.ts'
import { auditHash } from './audit-verification.ts'
import { placeOf, requirePrivateHome } from './home.ts'
import { loadMasterKey, masterKeyPath, masterKeyText, readMasterKey } from './master-key.ts'
import { commitOnHost, onHost } from './on-host.ts'
import type { HostOptions } from './on-host.ts'
import { stage } from './staged-files.ts'
import { openStoreKey, placeMasterKey, unlockBy, waitingKeys } from './unlock.ts'

export interface MasterRotation {
  readonly rotated_at: number
  /** Where the new key lies now. */
  readonly key_file: string
  /** Where the old one lies, which backups made until now need. */
  readonly old_key_file?: string
}

export interface RotateMasterOptions extends HostOptions {
  /** A key of the operator's own making; then the operator puts it in the place of the old one. */
  readonly newKeyFile?: string
}

const attempts = 5

/** Refuses, before anything is changed, where there is no new key or no place to put one. */
export async function rotateMaster(
  config: Config,
  options: RotateMasterOptions = {},
): Promise<MasterRotation> {
  requirePrivateHome(config.home)
  const place = placeOf(config)
  const opened = await openStore(place, {
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: () => undefined,
  })
  try {
    const host = await onHost(opened, options)
    for (let attempt = 0; attempt < attempts; attempt++) {
      const sealed = await sealedKeyAt(place)
      const dataKey = openStoreKey(config, sealed)
      const next = nextKey(config, options)
      const unit = {
        writes: [replaceFact('data_key', sealed.sealedKey, seal(next.key, dataKey, sealed))],
        events: [host.event('rotate_master_key', sealed.storeId, {})],
      }
      if ((await commitOnHost(host, unit)) === 'stale') continue
      const old = next.place()
      return {
        rotated_at: host.now(),
        key_file: next.path,
        ...(old !== undefined && { old_key_file: old }),
      }
    }
    throw new Refusal('unavailable', { message: 'Others rotate the master key too; try again.' })
  } finally {
    await opened.store.close()
  }
}

const seal = (master: Buffer, dataKey: Buffer, { storeId }: SealedKey): string =>
  sealDataKey(master, dataKey, storeId)

async function sealedKeyAt(place: Place): Promise<SealedKey> {
  const found = await judgeStore(place)
  if (found.state === 'store') return found
  throw new StoreProblem('missing', `There is no store at ${nameOf(place)} any more.`)
}

interface NextKey {
  readonly key: Buffer
  readonly path: string
  readonly place: () => string | undefined
}

/** The operator's new key, or one of our own that waits durably beside the old one. */
function nextKey(config: Config, { newKeyFile }: RotateMasterOptions): NextKey {
  if (newKeyFile !== undefined) {
    const key = readMasterKey(newKeyFile)
    if (key.equals(loadMasterKey(config))) throw sameKey(newKeyFile)
    return { key, path: newKeyFile, place: () => undefined }
  }
  if (config.masterKey !== undefined) throw givenByValue()
  const path = masterKeyPath(config)
  const place = (owner: string) => () => placeMasterKey(config, owner)
  // One that a rotation left behind is used, never removed: another process may be about to commit it.
  const [waiting] = waitingKeys(config)
  if (waiting !== undefined) return { key: waiting.key, path, place: place(waiting.owner) }
  const owner = randomBytes(8).toString('hex')
  const key = randomBytes(32)
  try {
    stage(new Map([[path, masterKeyText(key)]]), owner)
  } catch (error) {
    throw noPlace(path, error)
  }
  return { key, path, place: place(owner) }
}

const givenByValue = (): Refusal =>
  new Refusal('invalid_request', {
    message: 'The master key stands in REMIT_MASTER_KEY, where no new one can be put.',
    remedy: { text: 'Name a file that holds the new key: --new-key-file FILE.' },
  })

const noPlace = (path: string, cause: unknown): Refusal =>
  new Refusal('unavailable', {
    message: `No new key can be put beside ${path} (${String((cause as { code?: unknown }).code)}); nothing was changed.`,
    remedy: { text: 'Name a file that holds the new key: --new-key-file FILE.' },
    cause,
  })

const sameKey = (path: string): Refusal =>
  new Refusal('invalid_request', { message: `${path} holds the present master key.` })
