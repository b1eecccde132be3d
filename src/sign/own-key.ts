// The private key of whoever signs: an agent, its harness or a client. It is an argument of each call and
// is kept nowhere; its public part goes into what is signed only where the receiver needs it.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { checkPublicJwk } from '../crypto/public-key.ts'
import type { KeyAlgorithm, PublicJwk } from '../crypto/public-key.ts'

/** A private JWK: Ed25519, P-256, P-384 or RSA; `alg` chooses where the key does not. */
export type PrivateJwk = Readonly<Record<string, unknown>>

export interface OwnKey {
  readonly key: KeyObject
  readonly alg: KeyAlgorithm
  /** Without `alg` and `kid`: only what makes the key. */
  readonly publicJwk: Omit<PublicJwk, 'alg'>
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string
}

/** Throws a `TypeError` that names the flaw and nothing of the key. */
export function ownKey(privateJwk: PrivateJwk): OwnKey {
  const key = loaded(privateJwk)
  const { alg } = privateJwk
  const publicPart = createPublicKey(key).export({ format: 'jwk' })
  const checked = checkPublicJwk({ ...publicPart, ...(alg !== undefined && { alg }) })
  if (!checked.ok) throw new TypeError(`This key cannot sign: ${checked.reason}.`)
  const { jwk, thumbprint } = checked.key
  const { alg: chosen, ...publicJwk } = jwk
  return { key, alg: chosen, publicJwk, thumbprint }
}

function loaded(privateJwk: PrivateJwk): KeyObject {
  try {
    return createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  } catch {
    throw new TypeError('This key cannot sign: it is not a private JWK.')
  }
}
