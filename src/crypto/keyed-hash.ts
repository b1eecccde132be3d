// Keyed hashes and plain ones. Every use has its own subkey of the data key, so that a value made
// for one purpose means nothing in another; comparing takes the same time whatever is compared.

import { createHmac, createSecretKey, hash, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const purposes = ['rows', 'secrets', 'seal', 'memory', 'audit', 'arguments', 'nonces'] as const

export type KeyPurpose = (typeof purposes)[number]

/** Key objects rather than bytes: they do not print themselves. */
export type Subkeys = Readonly<Record<KeyPurpose, KeyObject>>

const keyLength = 32

/** The independent subkeys of one data key (RFC 5869, the purpose as `info`). */
export function deriveKeys(dataKey: Buffer): Subkeys {
  if (dataKey.length !== keyLength) throw new RangeError('The data key must have 32 bytes.')
  const derive = (purpose: KeyPurpose): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, '', `remit/v1/${purpose}`, keyLength)))
  return Object.fromEntries(purposes.map((purpose) => [purpose, derive(purpose)])) as Subkeys
}

/** HMAC-SHA-256 of a text (as UTF-8) or of bytes. */
export const keyedHash = (key: KeyObject, data: string | Buffer): Buffer =>
  createHmac('sha256', key).update(data).digest()

export type MacPart = string | number | bigint | null

/**
 * A MAC over a list of fields, in base64url. Two lists have the same MAC only if they are the same list;
 * an integer is the same whether an engine returned it as number or bigint, and no other number is taken.
 */
export const mac = (key: KeyObject, parts: readonly MacPart[]): string =>
  createHmac('sha256', key).update(encodeParts(parts)).digest('base64url')

/** The parts as a JSON array: unambiguous, and unlike UTF-8 it keeps lone surrogates apart. */
export const encodeParts = (parts: readonly MacPart[]): string =>
  // At once where each would come out the same by itself, since every row that is written passes here.
  parts.every(isPlain) ? JSON.stringify(parts) : `[${parts.map(encodePart).join()}]`

const isPlain = (part: MacPart): boolean =>
  typeof part === 'string' || part === null || Number.isSafeInteger(part)

function encodePart(part: MacPart): string {
  if (typeof part === 'bigint') return part.toString()
  if (typeof part === 'number' && !Number.isSafeInteger(part)) {
    throw new RangeError('Only integers can be put under a MAC.')
  }
  return JSON.stringify(part)
}

/** Whether two values are equal, in a time that depends on neither content nor place of a difference. */
export const sameBytes = (a: string | Buffer, b: string | Buffer): boolean =>
  timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))

/** SHA-256 in base64url, for what is looked up or chained by its exact content. */
export const sha256 = (data: string | Buffer): string => hash('sha256', data, 'base64url')
