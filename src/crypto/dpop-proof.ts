// DPoP proofs (RFC 9449 §4.3): a key proof over the method and address of one HTTP request and, at a
// resource, the token that goes with it.

import { sha256 } from './keyed-hash.ts'
import { verifyKeyProof } from './key-proof.ts'
import type { KeyProof, KeyProofFlaw } from './key-proof.ts'

export interface ProvenRequest {
  readonly method: string
  /** As the client addressed it; query and fragment do not count. */
  readonly url: string
  /** The access token presented with it; absent where one is asked for. */
  readonly token?: string
  readonly isFreshNonce: (nonce: string) => boolean
}

export type DpopProof =
  | Extract<KeyProof, { ok: true }>
  | {
      readonly ok: false
      readonly reason:
        | KeyProofFlaw
        | 'wrong_htm'
        | 'wrong_htu'
        | 'wrong_ath'
        | 'malformed_nonce'
        /** Told to the client, which asks again with the nonce that it is given (RFC 9449 §8, §9). */
        | 'use_dpop_nonce'
    }

/** Verifies that a proof is of exactly this request and holds a nonce of ours. */
export async function verifyDpopProof(
  untrusted: string,
  { method, url, token, isFreshNonce }: ProvenRequest,
  now: number,
): Promise<DpopProof> {
  const proof = await verifyKeyProof(untrusted, 'dpop+jwt', now)
  if (!proof.ok) return proof
  const { htm, htu, ath, nonce } = proof.claims
  if (htm !== method) return refused('wrong_htm')
  const [asked, stated] = [normal(url), typeof htu === 'string' ? normal(htu) : undefined]
  if (asked === undefined || stated !== asked) return refused('wrong_htu')
  if (ath !== (token === undefined ? undefined : sha256(token))) return refused('wrong_ath')
  if (nonce === undefined) return refused('use_dpop_nonce')
  if (typeof nonce !== 'string') return refused('malformed_nonce')
  return isFreshNonce(nonce) ? proof : refused('use_dpop_nonce')
}

/** Syntax- and scheme-based normalisation (RFC 3986 §6.2.2, §6.2.3), without query and fragment. */
function normal(untrusted: string): string | undefined {
  if (untrusted.length > 2048 || !URL.canParse(untrusted)) return undefined
  const url = new URL(untrusted)
  if (url.username !== '' || url.password !== '') return undefined
  return `${url.protocol}//${url.host}${url.pathname}`
}

const refused = <R extends string>(reason: R) => ({ ok: false, reason }) as const
