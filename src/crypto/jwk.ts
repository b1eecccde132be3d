// The members of a JWK that make a public key (RFC 7518 §6, RFC 8037 §2), each in its one spelling, and
// the thumbprint taken over them. What else a JWK may say about a key is not for here.

import { decodeBase64url } from './base64url.ts'
import { flawOfEd25519Point } from './ed25519-point.ts'
import type { PointFlaw } from './ed25519-point.ts'
import { sha256 } from './keyed-hash.ts'
import { flawOfModulus } from './rsa-modulus.ts'
import type { ModulusFlaw } from './rsa-modulus.ts'

export interface OkpPublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
}
export interface EcPublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256' | 'P-384'
  readonly x: string
  readonly y: string
}
export interface RsaPublicJwk {
  readonly kty: 'RSA'
  readonly n: string
  readonly e: string
}
export type KeyMembers = OkpPublicJwk | EcPublicJwk | RsaPublicJwk

export type KeyMembersFlaw =
  | 'unsupported_key_type'
  | 'unsupported_curve'
  | 'malformed_member'
  | 'rsa_exponent'
  | PointFlaw
  | ModulusFlaw

/** The members that make a key, in canonical spelling and sound as far as they alone can tell. */
export function readKeyMembers(
  members: Readonly<Record<string, unknown>>,
): KeyMembers | KeyMembersFlaw {
  const { kty, crv } = members
  if (kty === 'OKP') {
    if (crv !== 'Ed25519') return 'unsupported_curve'
    const x = bytesOf(members['x'], 32)
    if (x === undefined) return 'malformed_member'
    return flawOfEd25519Point(x) ?? { kty, crv, x: x.toString('base64url') }
  }
  if (kty === 'EC') {
    if (crv !== 'P-256' && crv !== 'P-384') return 'unsupported_curve'
    const x = bytesOf(members['x'], coordinateLength[crv])
    const y = bytesOf(members['y'], coordinateLength[crv])
    if (x === undefined || y === undefined) return 'malformed_member'
    return { kty, crv, x: x.toString('base64url'), y: y.toString('base64url') }
  }
  if (kty === 'RSA') {
    const n = bytesOf(members['n'])
    // Base64urlUInt (RFC 7518 §2) has no leading zero: that would be a second spelling.
    if (n === undefined || n[0] === 0) return 'malformed_member'
    // 65537 and no other: small ones weaken, even ones are no exponents, large ones only cost time.
    if (members['e'] !== 'AQAB') return 'rsa_exponent'
    return flawOfModulus(n) ?? { kty, n: n.toString('base64url'), e: 'AQAB' }
  }
  return 'unsupported_key_type'
}

/** For agreeing on keys, not for signatures (RFC 8037 §2). */
export interface X25519PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'X25519'
  readonly x: string
}

/** RFC 7638 §3: SHA-256 of the required members in lexical order. */
export function thumbprintOf(jwk: KeyMembers | X25519PublicJwk): string {
  const required =
    jwk.kty === 'RSA'
      ? { e: jwk.e, kty: jwk.kty, n: jwk.n }
      : jwk.kty === 'EC'
        ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
        : { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
  return sha256(JSON.stringify(required))
}

const coordinateLength = { 'P-256': 32, 'P-384': 48 } as const

function bytesOf(untrusted: unknown, length?: number): Buffer | undefined {
  if (typeof untrusted !== 'string' || untrusted === '' || untrusted.length > 2048) return undefined
  const bytes = decodeBase64url(untrusted)
  return length === undefined || bytes?.length === length ? bytes : undefined
}
