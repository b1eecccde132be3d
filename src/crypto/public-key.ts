// Public keys that others bring (RFC 7517). A key is taken only if it is sound, public, meant for
// signatures, and fits exactly one algorithm, which is pinned here once: later no token gets to choose.

import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { membersFor } from './jwk-purpose.ts'
import type { PurposeFlaw } from './jwk-purpose.ts'
import { readKeyMembers, thumbprintOf } from './jwk.ts'
import type { KeyMembers, KeyMembersFlaw } from './jwk.ts'

export const keyAlgorithms = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256'] as const

export type KeyAlgorithm = (typeof keyAlgorithms)[number]

export type PublicJwk = KeyMembers & { readonly alg: KeyAlgorithm }

export interface PublicKey {
  /** Only the members that make the key, and `alg`; checking it again gives the same key. */
  readonly jwk: PublicJwk
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string
  /** What the bringer calls it. */
  readonly kid?: string
  readonly alg: KeyAlgorithm
  readonly key: KeyObject
}

export type PublicKeyFlaw = PurposeFlaw | 'alg_does_not_fit' | KeyMembersFlaw

export type PublicKeyResult =
  | { readonly ok: true; readonly key: PublicKey }
  | { readonly ok: false; readonly reason: PublicKeyFlaw }

/** The key in a JWK, with its one algorithm (RSA without `alg` means RS256), or why it is refused. */
export function checkPublicJwk(untrusted: unknown): PublicKeyResult {
  const members = membersFor(untrusted, { use: 'sig', keyOps: ['verify'] })
  if (typeof members === 'string') return refused(members)
  const read = readKeyMembers(members)
  if (typeof read === 'string') return refused(read)
  const [first, ...others] = algorithmsOf(read)
  const named = members['alg'] === 'Ed25519' ? 'EdDSA' : members['alg']
  const alg = named === undefined ? first : [first, ...others].find((each) => each === named)
  if (alg === undefined) return refused('alg_does_not_fit')

  let key: KeyObject
  try {
    key = createPublicKey({ key: { ...read }, format: 'jwk' })
  } catch {
    // All else was checked above: what OpenSSL still refuses is a P-256 or P-384 point off its curve.
    return refused('not_on_curve')
  }
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

/** What a key can verify; the first is meant when it does not say. */
function algorithmsOf(jwk: KeyMembers): readonly [KeyAlgorithm, ...KeyAlgorithm[]] {
  if (jwk.kty === 'OKP') return ['EdDSA']
  if (jwk.kty === 'RSA') return ['RS256', 'PS256']
  return jwk.crv === 'P-256' ? ['ES256'] : ['ES384']
}

const refused = (reason: PublicKeyFlaw): PublicKeyResult => ({ ok: false, reason })
