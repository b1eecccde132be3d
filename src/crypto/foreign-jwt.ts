// JWTs of others: client assertions and proofs. Once the signature holds, the claims must be of the
// right type, for us alone, and fresh. Whether a `jti` was seen before is the caller's to ask.

import { verifyForeignJws } from './foreign-jws.ts'
import type { JwsFlaw } from './foreign-jws.ts'
import type { PublicKey } from './public-key.ts'
import { parseStrictJson } from './strict-json.ts'

/** How far a stranger's clock may be ahead of ours. */
export const clockToleranceSeconds = 60

export interface JwtExpectations {
  /** The exact `typ` values taken; `undefined` among them stands for a token without one. */
  readonly typ: readonly (string | undefined)[]
  readonly audience: string
  /** Without them any issuer or subject is taken, and returned for the caller to compare. */
  readonly issuer?: string
  readonly subject?: string
  readonly now: number
  readonly maxAgeSeconds: number
  readonly exp: 'required' | 'optional'
}

export type JwtFlaw =
  | JwsFlaw
  | 'wrong_typ'
  | 'payload_malformed'
  | 'wrong_issuer'
  | 'wrong_subject'
  | 'wrong_audience'
  | 'malformed_jti'
  | 'malformed_time'
  | 'issued_in_future'
  | 'too_old'
  | 'expired'
  | 'not_yet_valid'

export interface ForeignClaims {
  readonly iss: string
  readonly sub: string
  readonly jti: string
  readonly iat: number
  readonly exp?: number
}

export type ForeignJwt<Key extends PublicKey> =
  | {
      readonly ok: true
      readonly claims: ForeignClaims
      readonly all: Readonly<Record<string, unknown>>
      readonly key: Key
      /** Until when its `jti` has to be remembered. */
      readonly freshUntil: number
    }
  | {
      readonly ok: false
      readonly reason: JwtFlaw
      /** Whose signature it is all the same, where that held. */
      readonly key?: Key
    }

/** Verifies a JWT of one of the given keys and checks that it is fresh and meant for us alone. */
export async function verifyForeignJwt<Key extends PublicKey>(
  untrusted: string,
  keys: readonly Key[],
  expected: JwtExpectations,
): Promise<ForeignJwt<Key>> {
  const jws = await verifyForeignJws(untrusted, keys)
  if (!jws.ok) return jws
  const { key } = jws
  if (!expected.typ.includes(jws.header.typ)) return { ok: false, reason: 'wrong_typ', key }
  const payload = parseStrictJson(jws.payload)
  if (!payload.ok) return { ok: false, reason: 'payload_malformed', key }
  const flaw = flawOfClaims(payload.value, expected)
  if (flaw !== undefined) return { ok: false, reason: flaw, key }
  const claims = payload.value as unknown as ForeignClaims
  const { iss, sub, jti, iat, exp } = claims
  const oldest = iat + expected.maxAgeSeconds
  return {
    ok: true,
    claims: { iss, sub, jti, iat, ...(exp !== undefined && { exp }) },
    all: payload.value,
    key,
    freshUntil: exp === undefined ? oldest : Math.min(exp, oldest),
  }
}

/** RFC 7519 §4.1, without its leniencies: `aud` is one string, times are integers, `jti` is there. */
function flawOfClaims(
  claims: Readonly<Record<string, unknown>>,
  expected: JwtExpectations,
): JwtFlaw | undefined {
  const { iss, sub, aud, jti, iat, exp, nbf } = claims
  const { now, maxAgeSeconds } = expected
  if (!isText(iss) || iss !== (expected.issuer ?? iss)) return 'wrong_issuer'
  if (!isText(sub) || sub !== (expected.subject ?? sub)) return 'wrong_subject'
  if (aud !== expected.audience) return 'wrong_audience'
  if (!isText(jti)) return 'malformed_jti'
  if (!isTime(iat)) return 'malformed_time'
  if (!isTime(exp) && (exp !== undefined || expected.exp === 'required')) return 'malformed_time'
  if (!isTime(nbf) && nbf !== undefined) return 'malformed_time'
  if (iat > now + clockToleranceSeconds) return 'issued_in_future'
  if (iat < now - maxAgeSeconds) return 'too_old'
  if (isTime(exp) && exp <= now) return 'expired'
  if (isTime(nbf) && nbf > now + clockToleranceSeconds) return 'not_yet_valid'
  return undefined
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 256

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
