// What both steps of mutual authentication share: who may take part, what is told to whom, and that each
// nonce counts once.

import * as z from 'zod'
import { ensureSigningKey } from '../authority/ensure-signing-key.ts'
import { Refusal } from '../core/refusal.ts'
import { noncePattern, wordHash } from '../crypto/authentication.ts'
import type { AuthenticationStatement } from '../crypto/authentication.ts'
import { signOwnJwt } from '../crypto/own-jwt.ts'
import { spendProof } from '../store/idempotency.ts'
import type { Write } from '../store/store.ts'
import { freeText } from './fields.ts'
import { isOwnAgent } from './may.ts'
import type { Call } from './operation.ts'

/** Seconds within which an exchange must be over. */
export const exchangeLife = 300
const statementLife = 120

export const nonceField = z
  .string()
  .regex(noncePattern, { error: 'must be 16 to 64 random bytes in base64url' })
  .describe('16 to 64 random bytes in base64url, made for this exchange alone.')

export const channelField = freeText
  .min(1)
  .max(256)
  .describe(
    'Names the connection as both ends see it, e.g. the TLS exporter; both must say the same.',
  )

/** Only by one's own credential or a token got with it: what others delegated proves nobody. */
export function requireOwnAgent(call: Call): void {
  if (isOwnAgent(call, call.caller.agent)) return
  throw new Refusal('exceeds_parent', {
    message: 'A token that another agent delegated does not prove who you are.',
    missing_at: call.caller.acting.grant.id,
    remedy: { text: 'Call with your own credential, or a token that you minted with it.' },
  })
}

/** A nonce of an agent, spent for longer than any exchange that it could be in. */
export const spendNonce = ({ caller, now }: Call, nonce: string): Write =>
  spendProof(`auth/${caller.agent.id}/${wordHash('nonce', nonce)}`, now + 2 * exchangeLife)

type Said = Omit<AuthenticationStatement, 'iss' | 'iat' | 'exp' | 'jti'>

/** The signed statement; nothing on a dry run, which proves nothing to anybody. */
export async function stated(
  { context, now, dryRun }: Call,
  said: Said,
): Promise<{ readonly statement?: string }> {
  if (dryRun) return {}
  await ensureSigningKey(context, 'authentication')
  const { self, newId, ring } = context
  const iat = now
  const statement = { iss: self.issuer, ...said, iat, exp: iat + statementLife, jti: newId('evt') }
  return { statement: signOwnJwt(ring.signer('authentication').signer, statement) }
}
