// Proof of possession of the key that a grant is bound to: by a proof of this very call (`_meta`), or of
// this HTTP request (DPoP). A bound token alone is worth nothing, and each proof counts once.

import { confirmationOf } from '../core/binding.ts'
import type { Grant, Protection } from '../core/grant.ts'
import { Refusal } from '../core/refusal.ts'
import { verifyCallProof } from '../crypto/call-proof.ts'
import type { ProvenCall } from '../crypto/call-proof.ts'
import { verifyDpopProof } from '../crypto/dpop-proof.ts'
import type { KeyProof } from '../crypto/key-proof.ts'
import { isFreshNonce } from '../crypto/nonce.ts'
import { verificationKeys } from './agent-keys.ts'
import type { Context } from './context.ts'
import type { Meta, Presented } from './presented.ts'
import { spendingOf, spendOnce } from './spent-proofs.ts'

/** What a caller asks for, as it signs it: an operation, or for anything but a tool call the MCP method. */
export interface Asked {
  readonly operation: string
  readonly arguments: unknown
  readonly meta: Meta
}

type PresentedToken = Extract<Presented, { kind: 'token' }>
type Proven = Extract<KeyProof, { ok: true }>

/** The protections that a token's proof shows; throws where one is needed, or one that is there does not fit. */
export async function provePossession(
  context: Context,
  grant: Grant,
  presented: PresentedToken,
  asked: Asked,
): Promise<readonly Protection[]> {
  const { presentedToken: token, presentedProof, provenBy, over } = presented
  if (provenBy !== undefined && provenBy === grant.binding) return ['pop']
  const { presentedChain = over?.presentedChain } = presented
  if (isBoundToCertificate(grant) && presentedChain !== undefined && presentedProof === undefined) {
    const { flawOfBound } = await import('./bound-certificate.ts')
    const reason = flawOfBound(context, grant, presentedChain)
    if (reason !== undefined) throw unproven(grant, reason)
    return ['pop']
  }
  if (presentedProof === undefined) {
    if (grant.binding !== undefined) throw unproven(grant, 'no_proof')
    return []
  }
  if (over === undefined) {
    const of = { token }
    return proveCall(context, grant, presentedProof, {
      ...asked,
      audience: context.self.issuer,
      of,
    })
  }
  if (over.scheme !== 'DPoP') throw unproven(grant, 'wrong_scheme')
  await onceFor(presented, async () => {
    const request = {
      method: over.method,
      url: over.url,
      token,
      isFreshNonce: (nonce: string) => isFreshNonce(context.keys.nonces, nonce, context.now()),
    }
    const proof = await verifyDpopProof(presentedProof, request, context.now())
    if (!proof.ok) throw unproven(grant, proof.reason)
    await accept(context, grant, proof)
  })
  return ['pop']
}

/** A proof of one call covers what is called and with what: it stands for a signed request as well. */
async function proveCall(
  context: Context,
  grant: Grant,
  presentedProof: string,
  call: ProvenCall,
): Promise<readonly Protection[]> {
  const proof = await verifyCallProof(presentedProof, call, context.now())
  if (!proof.ok) throw unproven(grant, proof.reason)
  await accept(context, grant, proof)
  return ['pop', 'signed_request']
}

/** The same for a grant acted under, whose own proof names it instead of a token (authority: rule 12). */
export const proveActing = (
  context: Context,
  grant: Grant,
  presentedProof: string,
  asked: Asked,
): Promise<readonly Protection[]> =>
  proveCall(context, grant, presentedProof, {
    ...asked,
    audience: context.self.issuer,
    of: { grant: grant.id },
  })

async function accept(context: Context, grant: Grant, proof: Proven): Promise<void> {
  if (!isKeyFor(context, grant, proof.key.thumbprint)) throw unproven(grant, 'wrong_key')
  await spendOnce(context, spendingOf(proof))
}

const isBoundToCertificate = ({ binding }: Grant): boolean =>
  binding !== undefined && 'x5t#S256' in confirmationOf(binding)

/** The key it is bound to; of a grant that is bound to none, any key that its holder registered. */
const isKeyFor = (context: Context, { binding, agentId }: Grant, thumbprint: string): boolean =>
  binding === undefined
    ? verificationKeys(context, agentId).some((key) => key.thumbprint === thumbprint)
    : binding === thumbprint

/** One HTTP request may hold several messages; its one proof is spent by the first. */
const proven = new WeakMap<PresentedToken, Promise<void>>()

function onceFor(presented: PresentedToken, prove: () => Promise<void>): Promise<void> {
  const known = proven.get(presented)
  if (known !== undefined) return known
  const proving = prove()
  proven.set(presented, proving)
  return proving
}

/** The same words whatever was wrong; which it was, the audit knows. */
export const unproven = (grant: Grant, reason: string): Refusal =>
  new Refusal('invalid_token', {
    message: 'The call needs a fresh proof by the key of this grant, made for this very call.',
    missing_at: grant.id,
    remedy: {
      text: 'Sign a new proof over this token or grant, operation, arguments and metadata.',
    },
    finding: 'unproven_token',
    reason,
  })
