// What is signed when one party proves itself to another through this server: both identities, both nonces,
// the role and the channel. Nonces and channel are a caller's words and so stand here as hashes: nothing
// that a caller chose is ever signed as it is (authority: rule 22).

import { sha256 } from './keyed-hash.ts'

export const authenticationType = 'remit-authentication+jwt'

export type Role = 'initiator' | 'responder'

/** Says to `aud`: `sub` proved itself here, as this role, in this exchange, for this channel. */
export interface AuthenticationStatement {
  readonly iss: string
  /** The agent that is told. */
  readonly aud: string
  /** The agent, or this server, that is proven. */
  readonly sub: string
  readonly purpose: 'mutual_authentication' | 'server_authentication'
  readonly challenge: string
  readonly initiator: string
  readonly responder: string
  /** Of `sub`. */
  readonly role: Role
  readonly initiator_nonce_hash: string
  readonly responder_nonce_hash: string
  readonly channel_hash: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
}

/** How a nonce or a channel stands in a statement: each under its own name, so that none passes for another. */
export const wordHash = (kind: 'nonce' | 'channel', word: string): string =>
  sha256(JSON.stringify([`remit/v1/${kind}`, word]))

/** 16 to 64 random bytes, base64url. */
export const noncePattern = /^[A-Za-z0-9_-]{22,86}$/
