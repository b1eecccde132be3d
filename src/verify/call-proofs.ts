// Proofs that the bearer of a bound token holds its key (RFC 7800): a signed statement of this very call,
// made for this server, believed once. Its ids are remembered for as long as it could be shown again.

import type { Confirmation } from '../core/binding.ts'
import { verifyCallProof } from '../crypto/call-proof.ts'
import type { ProvenCall } from '../crypto/call-proof.ts'

export interface CallProofs {
  /** Whether `proof` proves of this call that its sender holds the key; the same one never does so again. */
  isProven(proof: unknown, call: ProvenCall, cnf: Confirmation): Promise<boolean>
}

const mostRemembered = 100_000

export function createCallProofs(now: () => number): CallProofs {
  const used = new Map<string, number>()

  /** Full of proofs that are still fresh, it believes no more: forgetting one would let it be shown again. */
  function isFirst(id: string, freshUntil: number): boolean {
    if (used.has(id)) return false
    if (used.size >= mostRemembered) {
      for (const [old, until] of used) if (until <= now()) used.delete(old)
      if (used.size >= mostRemembered) return false
    }
    used.set(id, freshUntil)
    return true
  }

  return {
    async isProven(proof, call, cnf) {
      if (typeof proof !== 'string' || !('jkt' in cnf)) return false
      const proven = await verifyCallProof(proof, call, now())
      if (!proven.ok || proven.key.thumbprint !== cnf.jkt) return false
      return isFirst(`${cnf.jkt} ${proven.jti}`, proven.freshUntil)
    },
  }
}
