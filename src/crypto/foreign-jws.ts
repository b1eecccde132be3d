// Signatures of others (RFC 7515). Their spelling is held to the standard of our own, the algorithm is
// the one pinned with the key, never one the token chose, and only then does `jose` see the token.

import { compactVerify } from 'jose'

import { readCompactJws } from './compact-jws.ts'
import type { CompactFlaw, ForeignHeader } from './compact-jws.ts'
import type { PublicKey } from './public-key.ts'

export type JwsFlaw =
  | CompactFlaw
  | 'unknown_kid'
  | 'ambiguous_kid'
  | 'no_key'
  | 'alg_does_not_fit'
  | 'wrong_signature'

export type ForeignJws<Key extends PublicKey> =
  | {
      readonly ok: true
      readonly header: ForeignHeader
      readonly payload: Buffer
      /** The one of the given keys that made the signature. */
      readonly key: Key
    }
  | { readonly ok: false; readonly reason: JwsFlaw }

/**
 * Verifies a compact JWS with one of the given keys, all of one owner. A `kid` chooses the key by its
 * own `kid` or thumbprint; without one, each key that fits the algorithm is tried.
 */
export async function verifyForeignJws<Key extends PublicKey>(
  untrusted: string,
  keys: readonly Key[],
): Promise<ForeignJws<Key>> {
  const read = readCompactJws(untrusted)
  if (!read.ok) return read
  const { header, payload } = read
  const { kid } = header
  const named = kid === undefined ? keys : keys.filter((k) => k.kid === kid || k.thumbprint === kid)
  if (kid !== undefined && named.length === 0) return refused('unknown_kid')
  if (kid !== undefined && named.length > 1) return refused('ambiguous_kid')
  if (named.length === 0) return refused('no_key')
  const fitting = named.filter((key) => fits(key, header.alg))
  if (fitting.length === 0) return refused('alg_does_not_fit')
  for (const key of fitting) {
    if (await isSignedBy(untrusted, key, header.alg)) return { ok: true, header, payload, key }
  }
  return refused('wrong_signature')
}

/** Ed25519 goes by two names (RFC 8037 §3.1, RFC 9864 §2.2); every other algorithm by one. */
export const fits = (key: PublicKey, alg: string): boolean =>
  alg === key.alg || (key.alg === 'EdDSA' && alg === 'Ed25519')

/** Whether this key made the signature, under the algorithm that was pinned. */
export async function isSignedBy(untrusted: string, key: PublicKey, alg: string): Promise<boolean> {
  try {
    await compactVerify(untrusted, key.key, { algorithms: [alg] })
    return true
  } catch {
    return false
  }
}

const refused = (reason: JwsFlaw) => ({ ok: false, reason }) as const
