// Our own signing keys: Ed25519 by default, P-256 where a verifier needs it. A key is loaded for one
// purpose, its `typ`, which is part of the header segment it signs under and is looked up by; so a
// checkpoint can never pass as an access token, nor one key's token as another's.

import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import type { EcPublicJwk, OkpPublicJwk } from './jwk.ts'

export type SigningAlgorithm = 'EdDSA' | 'ES256'

/** What a token of ours is for (RFC 8725 §3.11). */
export type TokenType =
  | 'at+jwt'
  | 'remit-checkpoint+jwt'
  | 'remit-authentication+jwt'
  | 'remit-delivery+jwt'
  | 'remit-deny-list+jwt'

export type SigningPublicJwk = OkpPublicJwk | EcPublicJwk

export interface GeneratedSigningKey {
  readonly alg: SigningAlgorithm
  readonly publicJwk: SigningPublicJwk
  /** PKCS #8 in DER; to be sealed at once, never written as it is. */
  readonly privatePkcs8: Buffer
}

interface LoadedKey {
  readonly alg: SigningAlgorithm
  /** The encoded header, made once. */
  readonly header: string
  readonly key: KeyObject
}

/** A private key under one header. */
export type Signer = LoadedKey

/** A public key under one header, and what the JWKS says of it. */
export interface Verifier extends LoadedKey {
  readonly kid: string
  readonly publicJwk: SigningPublicJwk
}

/** A new key pair, from the system's randomness. */
export function generateSigningKey(alg: SigningAlgorithm = 'EdDSA'): GeneratedSigningKey {
  const { publicKey, privateKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    alg,
    publicJwk: publicKey.export({ format: 'jwk' }) as unknown as SigningPublicJwk,
    privatePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

/** The private half, ready to sign tokens of one type. Throws when key and algorithm do not fit. */
export function loadSigner(stored: {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly typ: TokenType
  readonly privatePkcs8: Buffer
}): Signer {
  const { alg, kid, typ, privatePkcs8 } = stored
  const key = createPrivateKey({ key: privatePkcs8, format: 'der', type: 'pkcs8' })
  return { alg, header: encodeHeader({ alg, typ, kid }), key: fitting(key, alg) }
}

/** The public half, ready to verify tokens of one type. Throws when key and algorithm do not fit. */
export function loadVerifier(stored: {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly typ: TokenType
  readonly publicJwk: SigningPublicJwk
}): Verifier {
  const { alg, kid, typ, publicJwk } = stored
  const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  return { alg, kid, publicJwk, header: encodeHeader({ alg, typ, kid }), key: fitting(key, alg) }
}

/** Verifiers as `verifyOwnJwt` looks them up: by the header segment they verify. */
export const verifiersByHeader = (verifiers: readonly Verifier[]): ReadonlyMap<string, Verifier> =>
  new Map(verifiers.map((verifier) => [verifier.header, verifier]))

/** A header segment of ours: always these members, always in this order. */
export const encodeHeader = (header: {
  readonly alg: SigningAlgorithm
  readonly typ: string
  readonly kid?: string
}): string => {
  const { alg, typ, kid } = header
  return Buffer.from(JSON.stringify({ alg, typ, kid })).toString('base64url')
}

function fitting(key: KeyObject, alg: SigningAlgorithm): KeyObject {
  const fits =
    alg === 'EdDSA'
      ? key.asymmetricKeyType === 'ed25519'
      : key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (!fits) throw new TypeError(`This key is not one for ${alg}.`)
  return key
}
