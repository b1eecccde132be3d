// From the master key to the keys of a store: the master key opens the data key that the store keeps, and
// everything else is derived from that. A rotation that was cut short after its commit left the new
// master key waiting beside the old one: it is found here and put in its place.

import { existsSync, linkSync } from 'node:fs'
import { openDataKey } from '../crypto/data-key.ts'
import { deriveKeys, sha256 } from '../crypto/keyed-hash.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import type { SealedKey } from '../store/open.ts'
import { StoreProblem } from '../store/problem.ts'
import { loadMasterKey, masterKeyPath, readMasterKey } from './master-key.ts'
import type { MasterKeySource } from './master-key.ts'
import { ownersOfStaged, placeStaged, stagedPath } from './staged-files.ts'

/** Opens a store's keys with the master key at hand; throws `wrong_master_key` where none fits. */
export const unlockBy =
  (source: MasterKeySource) =>
  (sealed: SealedKey): Subkeys =>
    deriveKeys(openStoreKey(source, sealed))

/** The data key itself, for `keys rotate-master`. */
export function openStoreKey(source: MasterKeySource, { sealedKey, storeId }: SealedKey): Buffer {
  const opened = openDataKey(loadMasterKey(source), sealedKey, storeId)
  if (opened !== undefined) return opened
  for (const { owner, key } of source.masterKey === undefined ? waitingKeys(source) : []) {
    const dataKey = openDataKey(key, sealedKey, storeId)
    if (dataKey === undefined) continue
    placeMasterKey(source, owner)
    return dataKey
  }
  throw new StoreProblem(
    'wrong_master_key',
    'The master key is not the one of this store. Put that key back: `master.key` in the home, or REMIT_MASTER_KEY_FILE.',
  )
}

/**
 * Puts a new master key in the place of the present one, which backups made until now still need: that
 * stays beside it, under another name, which is returned.
 */
export function placeMasterKey(source: MasterKeySource, owner: string): string {
  const path = masterKeyPath(source)
  const present = readMasterKey(path)
  const aside = `${path}.old-${sha256(present).slice(0, 8)}`
  // Whoever was faster, or killed after this, has put it there.
  if (!existsSync(aside)) linkSync(path, aside)
  placeStaged([path], owner)
  return aside
}

export interface WaitingKey {
  /** What it waits under. */
  readonly owner: string
  readonly key: Buffer
}

/** Master keys of rotations that were not finished; those that cannot be read are no keys. */
export function waitingKeys(source: MasterKeySource): readonly WaitingKey[] {
  const path = masterKeyPath(source)
  return ownersOfStaged(path).flatMap((owner) => {
    try {
      return [{ owner, key: readMasterKey(stagedPath(path, owner)) }]
    } catch {
      return []
    }
  })
}
