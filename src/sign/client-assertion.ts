// A client assertion by one's own key (RFC 7523 §3): what an agent presents instead of a secret, in the metadata
// of a call, at the token endpoint or in the environment of a server. Each is good once and for minutes.

import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Stamp } from './key-proof.ts'
import { ownKey } from './own-key.ts'
import type { PrivateJwk } from './own-key.ts'

export interface ClientAssertion {
  readonly agentId: string
  /** The issuer of the Remit that it is for, and of no other. */
  readonly issuer: string
  /** At most 300. */
  readonly lifeSeconds?: number
}

/** Signs an assertion for one presentation; `kid` is the private JWK's own, if it has one. */
export function signClientAssertion(
  privateJwk: PrivateJwk,
  { agentId, issuer, lifeSeconds = 60 }: ClientAssertion,
  { now = Math.floor(Date.now() / 1000), jti = randomUUID() }: Stamp = {},
): Promise<string> {
  const { key, alg } = ownKey(privateJwk)
  const kid = privateJwk['kid']
  const claims = { iss: agentId, sub: agentId, aud: issuer, iat: now, exp: now + lifeSeconds, jti }
  return new SignJWT(claims)
    .setProtectedHeader({ alg, typ: 'JWT', ...(typeof kid === 'string' && { kid }) })
    .sign(key)
}
