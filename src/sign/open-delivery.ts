// Opens what was sealed to one's own key, and believes it only if the issuer signed it for this recipient and
// this key, and its time is not over. Everything is decided here, without a server.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { compactDecrypt } from 'jose'
import { decodeBase64url } from '../crypto/base64url.ts'
import { checkEncryptionJwk } from '../crypto/encryption-key.ts'
import { verifyOwnJwt } from '../crypto/own-jwt.ts'
import { publishedVerifiers } from '../crypto/published-keys.ts'
import { contentEncryption, deliveryType, sealedType } from '../crypto/sealed-delivery.ts'
import { verifiersByHeader } from '../crypto/signing-key.ts'
import { parseStrictJson } from '../crypto/strict-json.ts'
import type { PrivateJwk } from './own-key.ts'

export interface Opening {
  readonly jwe: string
  /** The private part of the `encryption_jwk` that one registered. */
  readonly privateJwk: PrivateJwk
  readonly issuer: string
  /** One's own agent id. */
  readonly recipient: string
  /** The issuer's JWK set, as `remit://jwks` or `/jwks` gave it to oneself, never as it came with the JWE. */
  readonly jwks: unknown
  readonly now?: number
}

export type OpenFlaw =
  | 'not_a_private_key'
  | 'malformed'
  | 'header_not_allowed'
  | 'for_another_key'
  | 'does_not_open'
  | 'not_signed_by_the_issuer'
  | 'for_another_recipient'
  | 'expired'

export type Opened =
  | {
      readonly ok: true
      /** The grant of a token, or the credential of a secret. */
      readonly about: string
      readonly expiresAt: number
      readonly token?: string
      /** `{ agent_id, credential_id, secret }`, as a credential file holds it. */
      readonly credential?: Readonly<Record<string, unknown>>
    }
  | { readonly ok: false; readonly reason: OpenFlaw }

const longest = 128 * 1024

/** Decrypts and verifies; says by a fixed reason why not. */
export async function openDelivery(opening: Opening): Promise<Opened> {
  const { jwe, issuer, recipient, now = Math.floor(Date.now() / 1000) } = opening
  const own = privateKey(opening.privateJwk)
  if (own === undefined) return refused('not_a_private_key')
  const header = headerOf(jwe)
  if (header === undefined) return refused('malformed')
  if (!isAllowed(header, own.algs)) return refused('header_not_allowed')
  if (header['kid'] !== own.kid && header['kid'] !== own.thumbprint) {
    return refused('for_another_key')
  }
  const signed = await decrypted(jwe, own.key, String(header['alg']))
  if (signed === undefined) return refused('does_not_open')
  const verifiers = publishedVerifiers(deliveryKeys(opening.jwks), deliveryType) ?? []
  const verified = verifyOwnJwt(signed, verifiersByHeader(verifiers))
  if (!verified.ok || verified.claims['iss'] !== issuer) return refused('not_signed_by_the_issuer')
  const { aud, sub, exp, token, credential, sealed_to: sealedTo } = verified.claims
  if (aud !== recipient || sealedTo !== own.thumbprint) return refused('for_another_recipient')
  if (typeof exp !== 'number' || exp <= now) return refused('expired')
  return {
    ok: true,
    about: String(sub),
    expiresAt: exp,
    ...(typeof token === 'string' && { token }),
    ...(isObject(credential) && { credential }),
  }
}

/** One's own key, what it is called, and the algorithms it is good for. */
function privateKey(privateJwk: PrivateJwk) {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  } catch {
    return undefined
  }
  const checked = checkEncryptionJwk(createPublicKey(key).export({ format: 'jwk' }))
  if (!checked.ok) return undefined
  const { thumbprint, alg } = checked.key
  const algs = alg === 'RSA-OAEP-256' ? [alg] : ['ECDH-ES+A256KW', 'ECDH-ES']
  return { key, thumbprint, kid: privateJwk['kid'], algs }
}

/** The header of a strictly spelled compact JWE (RFC 7516 §7.1). */
function headerOf(jwe: string): Readonly<Record<string, unknown>> | undefined {
  if (jwe.length > longest) return undefined
  const segments = jwe.split('.').map(decodeBase64url)
  const [header] = segments
  if (segments.length !== 5 || header === undefined || segments.includes(undefined))
    return undefined
  const parsed = parseStrictJson(header)
  return parsed.ok ? parsed.value : undefined
}

const members: ReadonlySet<string> = new Set(['alg', 'enc', 'typ', 'cty', 'kid', 'epk'])

/** Nothing that would choose another algorithm, unpack anything (`zip`) or name another key. */
const isAllowed = (header: Readonly<Record<string, unknown>>, algs: readonly string[]): boolean =>
  Object.keys(header).every((name) => members.has(name)) &&
  algs.includes(String(header['alg'])) &&
  header['enc'] === contentEncryption &&
  header['typ'] === sealedType &&
  header['cty'] === deliveryType

async function decrypted(jwe: string, key: KeyObject, alg: string): Promise<string | undefined> {
  try {
    const { plaintext } = await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: [alg],
      contentEncryptionAlgorithms: [contentEncryption],
    })
    return Buffer.from(plaintext).toString('latin1')
  } catch {
    return undefined
  }
}

const deliveryKeys = (jwks: unknown): unknown =>
  isObject(jwks) ? jwks['delivery_keys'] : undefined

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const refused = (reason: OpenFlaw): Opened => ({ ok: false, reason })
