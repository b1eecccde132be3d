// Nonces that a server hands out and recognises without keeping them (RFC 9449 §8): a time under a keyed
// hash. A proof that holds one was made after it, so none can be made in store.

import type { KeyObject } from 'node:crypto'
import { decodeBase64url } from './base64url.ts'
import { keyedHash, sameBytes } from './keyed-hash.ts'

/** How long a nonce is taken after it was handed out. */
export const nonceLifeSeconds = 300

/** The nonce to be used now; every process of one store makes and takes the same. */
export function nonceAt(key: KeyObject, now: number): string {
  const time = Buffer.alloc(6)
  time.writeUIntBE(now, 0, 6)
  return Buffer.concat([time, macOf(key, time)]).toString('base64url')
}

/** Whether a nonce is one of ours and still to be taken. */
export function isFreshNonce(key: KeyObject, untrusted: string, now: number): boolean {
  const bytes = untrusted.length === 24 ? decodeBase64url(untrusted) : undefined
  if (bytes === undefined) return false
  const time = bytes.subarray(0, 6)
  if (!sameBytes(bytes.subarray(6), macOf(key, time))) return false
  const madeAt = time.readUIntBE(0, 6)
  return madeAt <= now && now < madeAt + nonceLifeSeconds
}

const macOf = (key: KeyObject, time: Buffer): Buffer => keyedHash(key, time).subarray(0, 12)
