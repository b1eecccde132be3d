// A DPoP proof that asks for something to be bound to its key (RFC 9449 §5): verified here, spent only once
// it is known who asks.

import type { Context } from '../authority/context.ts'
import { spendingOf } from '../authority/spent-proofs.ts'
import type { Spending } from '../authority/spent-proofs.ts'
import { verifyDpopProof } from '../crypto/dpop-proof.ts'
import type { DpopProof } from '../crypto/dpop-proof.ts'
import { isFreshNonce, nonceAt } from '../crypto/nonce.ts'
import { keyAlgorithms } from '../crypto/public-key.ts'

export type RequestProof =
  | {
      readonly ok: true
      readonly publicJwk: Readonly<Record<string, unknown>>
      readonly thumbprint: string
      readonly spends: Spending
    }
  | Extract<DpopProof, { ok: false }>

export async function requestProof(
  { keys, now }: Context,
  presentedProof: string,
  { method, url }: { readonly method: string; readonly url: string },
): Promise<RequestProof> {
  const request = {
    method,
    url,
    isFreshNonce: (nonce: string) => isFreshNonce(keys.nonces, nonce, now()),
  }
  const proof = await verifyDpopProof(presentedProof, request, now())
  if (!proof.ok) return proof
  const { jwk, thumbprint } = proof.key
  return { ok: true, publicJwk: { ...jwk }, thumbprint, spends: spendingOf(proof) }
}

/** As metadata lists them; Ed25519 goes by two names (RFC 9864 §2.2). */
export const proofAlgorithms: readonly string[] = [...keyAlgorithms, 'Ed25519']

/** The nonce that a client's next proof must hold (RFC 9449 §8). */
export const newestNonce = ({ keys, now }: Context): string => nonceAt(keys.nonces, now())
