// Whether a token is one of a Remit's, for this server, and still good: everything that can be told from the
// token, the published keys and the deny-list. What it may do is for offline-authority.ts.

import type { Confirmation } from '../core/binding.ts'
import { denialOf } from '../core/denied.ts'
import type { Refusal } from '../core/refusal.ts'
import { parseAccessTokenClaims } from '../core/token-claims.ts'
import type { AccessTokenClaims } from '../core/token-claims.ts'
import { verifyOwnJwt } from '../crypto/own-jwt.ts'
import { refusalFor } from './reasons.ts'
import type { Reason } from './reasons.ts'
import type { Trusted } from './trust.ts'

export interface Verifying {
  readonly issuer: string
  /** The one audience that is this server. */
  readonly audience: string
  /** Integer seconds. */
  readonly now: number
  /** Whether whoever presents the token has proven that they hold this key. */
  readonly isProven: (cnf: Confirmation) => Promise<boolean> | boolean
}

export type VerifiedToken =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  | { readonly ok: false; readonly reason: Reason; readonly refusal: Refusal }

/** How much later than by this server's clock a token may have been issued. */
const longestAhead = 60

export async function verifyToken(
  presentedToken: string,
  { keys, list }: Trusted,
  { issuer, audience, now, isProven }: Verifying,
): Promise<VerifiedToken> {
  const verified = verifyOwnJwt(presentedToken, keys.tokens)
  if (!verified.ok) return no(reasonOf(verified.reason))
  const parsed = parseAccessTokenClaims(verified.claims)
  if (!parsed.ok) return no('wrong_claims')
  const { claims } = parsed
  if (claims.iss !== issuer) return no('wrong_issuer')
  if (claims.aud !== audience) return no('wrong_audience')
  if (claims.exp <= now) return no('expired')
  if (claims.iat > now + longestAhead) return no('issued_later')
  if (!list.keys.has(verified.kid)) return no('key_not_believed')
  const denial = denialOf(claims, verified.kid, list.denied)
  // Its holder is told that something above it ended, never what (authority: rule 32).
  if (denial !== undefined) {
    const { code, kind } = denial
    return no(`denied_${kind}`, { code, missing_at: claims.remit.grant })
  }
  if (claims.remit.require !== undefined) return no('protected')
  if (claims.cnf !== undefined && !(await isProven(claims.cnf))) return no('unproven')
  return { ok: true, claims }
}

export const no = (...why: Parameters<typeof refusalFor>) =>
  ({ ok: false, reason: why[0], refusal: refusalFor(...why) }) as const

const reasonOf = (flaw: string): Reason =>
  flaw === 'unknown_header'
    ? 'unknown_key'
    : flaw === 'wrong_signature' || flaw === 'not_our_spelling'
      ? 'wrong_signature'
      : 'not_a_token'
