// Sealing at rest: AES-256-GCM under the `seal` subkey, bound to the record it belongs to, so that a
// sealed value moved to another row does not open. Nonces are random; a key seals far fewer than 2^32.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { decodeBase64url } from './base64url.ts'

const version = 'v1.'
const cipher = 'aes-256-gcm'
const nonceLength = 12
const tagLength = 16

/** Seals bytes for one record: `v1.` and base64url of nonce, ciphertext and tag. */
export function seal(key: KeyObject, plaintext: Buffer, record: string): string {
  const nonce = randomBytes(nonceLength)
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagLength })
  sealing.setAAD(associatedData(record))
  const ciphertext = Buffer.concat([sealing.update(plaintext), sealing.final()])
  return version + Buffer.concat([nonce, ciphertext, sealing.getAuthTag()]).toString('base64url')
}

export type Unsealed = { readonly ok: true; readonly plaintext: Buffer } | { readonly ok: false }

/** Opens what was sealed under this key for this record; anything else does not open. */
export function unseal(key: KeyObject, sealed: string, record: string): Unsealed {
  if (!sealed.startsWith(version)) return { ok: false }
  const bytes = decodeBase64url(sealed.slice(version.length))
  if (bytes === undefined || bytes.length < nonceLength + tagLength) return { ok: false }
  const nonce = bytes.subarray(0, nonceLength)
  const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagLength })
  opening.setAAD(associatedData(record))
  opening.setAuthTag(bytes.subarray(-tagLength))
  try {
    const ciphertext = bytes.subarray(nonceLength, -tagLength)
    return { ok: true, plaintext: Buffer.concat([opening.update(ciphertext), opening.final()]) }
  } catch {
    return { ok: false }
  }
}

const associatedData = (record: string): Buffer => Buffer.from(`${version}${record}`)
