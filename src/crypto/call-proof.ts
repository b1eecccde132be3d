// The proof of one call (`typ: remit-proof+jwt`): by the key that a grant is bound to, over what is called,
// with which arguments and metadata, for us alone. What is signed is made here for both sides: the
// harness that signs and the server that compares.

import canonicalize from 'canonicalize'
import { sha256 } from './keyed-hash.ts'
import { verifyKeyProof } from './key-proof.ts'
import type { KeyProof, KeyProofFlaw } from './key-proof.ts'

export const callProofType = 'remit-proof+jwt'

/** The call that a proof is for, as its sender knows it. */
export interface ProvenCall {
  /** The issuer. */
  readonly audience: string
  /** An operation; for anything but a tool call the MCP method. */
  readonly operation: string
  readonly arguments: unknown
  /** The request's metadata, of which every `dev.remit/` member but the proofs is covered. */
  readonly meta: Readonly<Record<string, unknown>>
  /** What is proven to be one's own: the token presented, or the grant acted under. */
  readonly of: { readonly token: string } | { readonly grant: string }
}

/** The claims that say which call is meant; `iat` and `jti` come on top. */
export const callClaims = ({ audience, operation, arguments: args, meta, of }: ProvenCall) => ({
  aud: audience,
  operation,
  arguments_hash: hashOf(args ?? {}),
  meta_hash: hashOf(coveredMeta(meta)),
  ...('token' in of ? { ath: sha256(of.token) } : { grant: of.grant }),
})

/** A proof cannot cover itself, nor another one beside it. */
const proofKeys: ReadonlySet<string> = new Set(['dev.remit/proof', 'dev.remit/act_as_proof'])

const coveredMeta = (meta: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(
    Object.entries(meta).filter(([key]) => key.startsWith('dev.remit/') && !proofKeys.has(key)),
  )

/** SHA-256 over the canonical form (RFC 8785), which both sides find whatever the spelling on the way. */
const hashOf = (value: unknown): string => sha256(canonicalize(value) ?? '')

export type CallProof =
  | Extract<KeyProof, { ok: true }>
  | { readonly ok: false; readonly reason: KeyProofFlaw | `wrong_${string}` }

/** Verifies that a proof is of exactly this call; the claim that differs is named. */
export async function verifyCallProof(
  untrusted: string,
  call: ProvenCall,
  now: number,
): Promise<CallProof> {
  const proof = await verifyKeyProof(untrusted, callProofType, now)
  if (!proof.ok) return proof
  const expected = claimsOf(call)
  if (expected === undefined) return { ok: false, reason: 'wrong_arguments_hash' }
  // Each kind of proof has exactly its own members: one for a token says nothing of a grant.
  for (const claim of [
    'aud',
    'operation',
    'arguments_hash',
    'meta_hash',
    'ath',
    'grant',
  ] as const) {
    if (proof.claims[claim] !== expected[claim]) return { ok: false, reason: `wrong_${claim}` }
  }
  return proof
}

/** What has no canonical form, such as half a surrogate pair, was signed by nobody. */
function claimsOf(call: ProvenCall): Readonly<Record<string, unknown>> | undefined {
  try {
    return callClaims(call)
  } catch {
    return undefined
  }
}
