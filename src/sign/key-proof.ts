// Proofs by one's own key, for tokens that are bound to it: of one call (`_meta["dev.remit/proof"]`), and of
// one HTTP request (the header `DPoP`, RFC 9449). Each is good once and for about two minutes.

import { randomUUID } from 'node:crypto'
import { CompactSign } from 'jose'
import { callClaims, callProofType } from '../crypto/call-proof.ts'
import type { ProvenCall } from '../crypto/call-proof.ts'
import { sha256 } from '../crypto/keyed-hash.ts'
import { ownKey } from './own-key.ts'
import type { PrivateJwk } from './own-key.ts'

export type { PrivateJwk } from './own-key.ts'

/** What a signer fixes in tests; by default the present second and a new random id. */
export interface Stamp {
  readonly now?: number
  readonly jti?: string
}

/**
 * A proof of one call: over its operation (or MCP method), arguments, `dev.remit/` metadata, and the token it
 * goes with or the grant it acts under. Sign the metadata as it will be sent, without the proof.
 */
export const signCallProof = (
  privateJwk: PrivateJwk,
  call: ProvenCall,
  stamp: Stamp = {},
): Promise<string> => signProof(privateJwk, callProofType, callClaims(call), stamp)

export interface DpopRequest {
  readonly method: string
  /** The whole address; its query and fragment are left out. */
  readonly url: string
  /** The access token it goes with; absent where one is asked for. */
  readonly token?: string
  /** The newest value of the header `DPoP-Nonce`, if the server sent one. */
  readonly nonce?: string
}

/** A DPoP proof of one HTTP request (RFC 9449 §4.2). */
export function signDpopProof(
  privateJwk: PrivateJwk,
  { method, url, token, nonce }: DpopRequest,
  stamp: Stamp = {},
): Promise<string> {
  const { origin, pathname } = new URL(url)
  const claims = {
    htm: method,
    htu: `${origin}${pathname}`,
    ...(token !== undefined && { ath: sha256(token) }),
    ...(nonce !== undefined && { nonce }),
  }
  return signProof(privateJwk, 'dpop+jwt', claims, stamp)
}

function signProof(
  privateJwk: PrivateJwk,
  typ: string,
  claims: object,
  { now = Math.floor(Date.now() / 1000), jti = randomUUID() }: Stamp,
): Promise<string> {
  const { key, alg, publicJwk: jwk } = ownKey(privateJwk)
  const payload = Buffer.from(JSON.stringify({ ...claims, iat: now, jti }))
  return new CompactSign(payload).setProtectedHeader({ alg, typ, jwk: { ...jwk } }).sign(key)
}
