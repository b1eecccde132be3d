// Public keys of others that something is sealed to (RFC 7518 §4, RFC 8037 §3.2). Like a key that verifies,
// one is taken only if it is sound, public, meant for this, and fits exactly one algorithm.

import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { decodeBase64url } from './base64url.ts'
import { membersFor } from './jwk-purpose.ts'
import type { Members } from './jwk-purpose.ts'
import { readKeyMembers, thumbprintOf } from './jwk.ts'
import type { KeyMembers, KeyMembersFlaw, X25519PublicJwk } from './jwk.ts'
import type { PublicKeyFlaw } from './public-key.ts'

export type EncryptionAlgorithm = 'ECDH-ES+A256KW' | 'ECDH-ES' | 'RSA-OAEP-256'

type EncryptionMembers = KeyMembers | X25519PublicJwk
export type EncryptionJwk = EncryptionMembers & { readonly alg: EncryptionAlgorithm }

export interface EncryptionKey {
  /** Only the members that make the key, and `alg`; checking it again gives the same key. */
  readonly jwk: EncryptionJwk
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string
  readonly kid?: string
  readonly alg: EncryptionAlgorithm
  readonly key: KeyObject
}

export type EncryptionKeyResult =
  | { readonly ok: true; readonly key: EncryptionKey }
  | { readonly ok: false; readonly reason: PublicKeyFlaw }

/** The key in a JWK for X25519, P-256, P-384 or RSA, with its one algorithm, or why it is refused. */
export function checkEncryptionJwk(untrusted: unknown): EncryptionKeyResult {
  const members = membersFor(untrusted, { use: 'enc', keyOps: ['', 'encrypt', 'wrapKey'] })
  if (typeof members === 'string') return refused(members)
  const read = readMembers(members)
  if (typeof read === 'string') return refused(read)
  const [first, ...others] = algorithmsOf(read)
  const stated = members['alg']
  const alg = stated === undefined ? first : [first, ...others].find((each) => each === stated)
  if (alg === undefined) return refused('alg_does_not_fit')
  let key: KeyObject
  try {
    key = createPublicKey({ key: { ...read }, format: 'jwk' })
  } catch {
    return refused('not_on_curve')
  }
  if (read.kty === 'OKP' && isSmallOrder(key)) return refused('small_order_point')
  const kid = members['kid']
  return {
    ok: true,
    key: {
      jwk: { ...read, alg },
      thumbprint: thumbprintOf(read),
      ...(typeof kid === 'string' && { kid }),
      alg,
      key,
    },
  }
}

function readMembers(members: Members): EncryptionMembers | KeyMembersFlaw {
  const { kty, crv, x } = members
  if (kty !== 'OKP') return readKeyMembers(members)
  if (crv !== 'X25519') return 'unsupported_curve'
  const bytes = typeof x === 'string' ? decodeBase64url(x) : undefined
  if (bytes?.length !== 32) return 'malformed_member'
  // A number not reduced modulo 2^255 − 19 is a second spelling (RFC 7748 §5).
  const u = BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`)
  return u < 2n ** 255n - 19n ? { kty, crv, x: bytes.toString('base64url') } : 'not_on_curve'
}

/** Under such a point every secret agreed on is zero (RFC 7748 §6.1), which OpenSSL refuses to make. */
function isSmallOrder(publicKey: KeyObject): boolean {
  try {
    diffieHellman({ privateKey: generateKeyPairSync('x25519').privateKey, publicKey })
    return false
  } catch {
    return true
  }
}

const algorithmsOf = ({
  kty,
}: EncryptionMembers): readonly [EncryptionAlgorithm, ...EncryptionAlgorithm[]] =>
  kty === 'RSA' ? ['RSA-OAEP-256'] : ['ECDH-ES+A256KW', 'ECDH-ES']

const refused = (reason: PublicKeyFlaw): EncryptionKeyResult => ({ ok: false, reason })
