// Proofs of possession: a JWT that brings its own key (RFC 9449 §4.2), fresh and used once. The key in it
// proves nothing by itself; whose key it is, the caller compares with what a grant is bound to.

import { fits, isSignedBy } from './foreign-jws.ts'
import type { JwsFlaw } from './foreign-jws.ts'
import { clockToleranceSeconds } from './foreign-jwt.ts'
import { readCompactJws } from './compact-jws.ts'
import { checkPublicJwk } from './public-key.ts'
import type { PublicKey, PublicKeyFlaw } from './public-key.ts'
import { parseStrictJson } from './strict-json.ts'

/** A proof is taken until it is this old. */
const maxProofAgeSeconds = 120

export type KeyProofFlaw =
  | JwsFlaw
  | PublicKeyFlaw
  | 'wrong_typ'
  | 'payload_malformed'
  | 'malformed_jti'
  | 'malformed_time'
  | 'issued_in_future'
  | 'too_old'

export type KeyProof =
  | {
      readonly ok: true
      readonly key: PublicKey
      readonly claims: Readonly<Record<string, unknown>>
      readonly jti: string
      /** Until when its `jti` has to be remembered. */
      readonly freshUntil: number
    }
  | { readonly ok: false; readonly reason: KeyProofFlaw }

/** Verifies a proof of one `typ` by the key that it brings; what else it says is the caller's to compare. */
export async function verifyKeyProof(
  untrusted: string,
  typ: string,
  now: number,
): Promise<KeyProof> {
  const read = readCompactJws(untrusted, 'proof')
  if (!read.ok) return read
  const { header, payload } = read
  if (header.typ !== typ) return refused('wrong_typ')
  if (header.jwk === undefined) return refused('no_key')
  const checked = checkPublicJwk({ alg: header.alg, ...header.jwk })
  if (!checked.ok) return checked
  const { key } = checked
  if (!fits(key, header.alg)) return refused('alg_does_not_fit')
  if (!(await isSignedBy(untrusted, key, header.alg))) return refused('wrong_signature')
  const parsed = parseStrictJson(payload)
  if (!parsed.ok) return refused('payload_malformed')
  const { jti, iat, exp, nbf } = parsed.value
  if (typeof jti !== 'string' || jti.length < 8 || jti.length > 256) return refused('malformed_jti')
  if (![iat, exp ?? 0, nbf ?? 0].every(isTime) || !isTime(iat)) return refused('malformed_time')
  if (iat > now + clockToleranceSeconds) return refused('issued_in_future')
  if (isTime(nbf) && nbf > now + clockToleranceSeconds) return refused('issued_in_future')
  if (iat <= now - maxProofAgeSeconds || (isTime(exp) && exp <= now)) return refused('too_old')
  return { ok: true, key, claims: parsed.value, jti, freshUntil: iat + maxProofAgeSeconds }
}

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

const refused = <R extends KeyProofFlaw>(reason: R) => ({ ok: false, reason }) as const
