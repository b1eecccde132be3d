// Client assertions (RFC 7523 §3, private_key_jwt of OpenID Connect Core §9): a JWT by an agent's own key,
// naming itself twice and us alone. It is good for minutes and once; remembering its `jti` is the caller's
// part.

import { verifyForeignJwt } from './foreign-jwt.ts'
import type { JwtFlaw } from './foreign-jwt.ts'
import type { PublicKey } from './public-key.ts'

/** From `iat` to `exp`, at most. */
const longestAssertionSeconds = 300

/** What RFC 7523 leaves open and clients send; a `typ` of anything else means another kind of token. */
const typ = [undefined, 'JWT', 'client-authentication+jwt'] as const

export type AssertionFlaw = JwtFlaw | 'lives_too_long'

export type AssertionResult<Key extends PublicKey> =
  | {
      readonly ok: true
      readonly key: Key
      readonly jti: string
      readonly exp: number
      /** Until when its `jti` has to be remembered. */
      readonly freshUntil: number
    }
  | {
      readonly ok: false
      readonly reason: AssertionFlaw
      /** Whose signature it is all the same, where that held. */
      readonly key?: Key
    }

/** Verifies an assertion by one of the keys of the agent it is said to be from. */
export async function verifyClientAssertion<Key extends PublicKey>(
  untrusted: string,
  keys: readonly Key[],
  expected: { readonly agentId: string; readonly issuer: string; readonly now: number },
): Promise<AssertionResult<Key>> {
  const { agentId, issuer, now } = expected
  const verified = await verifyForeignJwt(untrusted, keys, {
    typ,
    audience: issuer,
    issuer: agentId,
    subject: agentId,
    now,
    maxAgeSeconds: longestAssertionSeconds,
    exp: 'required',
  })
  if (!verified.ok) return verified
  const { claims, key, freshUntil } = verified
  const { jti, iat, exp = 0 } = claims
  if (exp - iat > longestAssertionSeconds) return { ok: false, reason: 'lives_too_long', key }
  return { ok: true, key, jti, exp, freshUntil }
}
