// The data key, from which every other key of a store is derived. It is made once and kept in the store,
// sealed under the master key: so the master key can be replaced, while what was hashed or sealed under
// the data key stays good.

import { createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { seal, unseal } from './seal.ts'

const length = 32

/** 256 random bits, to be sealed at once. */
export const newDataKey = (): Buffer => randomBytes(length)

/** The data key as it is kept, bound to its store. */
export const sealDataKey = (master: Buffer, dataKey: Buffer, storeId: string): string =>
  seal(sealingKey(master), dataKey, recordOf(storeId))

/** The data key again; `undefined` where it was sealed under another master key or for another store. */
export function openDataKey(master: Buffer, sealed: string, storeId: string): Buffer | undefined {
  const opened = unseal(sealingKey(master), sealed, recordOf(storeId))
  return opened.ok && opened.plaintext.length === length ? opened.plaintext : undefined
}

function sealingKey(master: Buffer): KeyObject {
  if (master.length !== length) throw new RangeError('The master key must have 32 bytes.')
  return createSecretKey(Buffer.from(hkdfSync('sha256', master, '', 'remit/v1/data-key', length)))
}

const recordOf = (storeId: string): string => `data_key/${storeId}`
