// Believes a statement that another proved itself through the issuer, or the issuer itself: only for this
// exchange, by one's own nonce, in one's own role, on this channel, and in time.

import { randomBytes } from 'node:crypto'
import { authenticationType, wordHash } from '../crypto/authentication.ts'
import type { Role } from '../crypto/authentication.ts'
import { verifyOwnJwt } from '../crypto/own-jwt.ts'
import { publishedVerifiers } from '../crypto/published-keys.ts'
import { verifiersByHeader } from '../crypto/signing-key.ts'

/** A nonce for one exchange. */
export const newAuthenticationNonce = (): string => randomBytes(32).toString('base64url')

export interface Expected {
  readonly statement: string
  readonly issuer: string
  /** The issuer's JWK set, as one got it oneself. */
  readonly jwks: unknown
  /** One's own agent id, role and nonce in this exchange. */
  readonly self: string
  readonly role: Role
  readonly nonce: string
  readonly channel: string
  /** Whom one expects: an agent id, or the id of the server itself. */
  readonly peer: string
  readonly now?: number
}

export type Authentication =
  | { readonly ok: true; readonly peer: string; readonly challenge: string }
  | {
      readonly ok: false
      readonly reason:
        | 'not_signed_by_the_issuer'
        | 'for_another'
        | 'another_peer'
        | 'wrong_role'
        | 'wrong_nonce'
        | 'wrong_channel'
        | 'expired'
    }

/** Verifies a statement of `auth_challenge` or `auth_answer`; says by a fixed reason why not. */
export function verifyAuthentication(expected: Expected): Authentication {
  const { statement, issuer, self, role, nonce, channel, peer } = expected
  const { now = Math.floor(Date.now() / 1000) } = expected
  const keys = (expected.jwks as { authentication_keys?: unknown } | null)?.authentication_keys
  const verifiers = publishedVerifiers(keys, authenticationType) ?? []
  const verified = verifyOwnJwt(statement, verifiersByHeader(verifiers))
  if (!verified.ok || verified.claims['iss'] !== issuer) return refused('not_signed_by_the_issuer')
  const { claims } = verified
  if (claims['aud'] !== self || claims[role] !== self) return refused('for_another')
  const other: Role = role === 'initiator' ? 'responder' : 'initiator'
  if (claims['role'] !== other) return refused('wrong_role')
  if (claims['sub'] !== peer || claims[other] !== peer) return refused('another_peer')
  if (claims[`${role}_nonce_hash`] !== wordHash('nonce', nonce)) return refused('wrong_nonce')
  if (claims['channel_hash'] !== wordHash('channel', channel)) return refused('wrong_channel')
  const { exp, challenge } = claims
  if (typeof exp !== 'number' || exp <= now) return refused('expired')
  return { ok: true, peer, challenge: String(challenge) }
}

const refused = <R extends string>(reason: R) => ({ ok: false, reason }) as const
