// Single-use ids of proofs: spent before anything is done by them, durably, so that neither a restart nor
// another process takes one again. What can no longer be accepted is forgotten in passing.

import type { KeyProof } from '../crypto/key-proof.ts'
import { forgetProofs, spendProof } from '../store/idempotency.ts'
import type { Context } from './context.ts'

type Proven = Extract<KeyProof, { ok: true }>

export interface Spending {
  readonly id: string
  /** Until when it has to be remembered. */
  readonly until: number
}

/** The single-use id of a proof, told apart by the key that made it. */
export const spendingOf = ({ key, jti, freshUntil }: Proven): Spending => ({
  id: `proof/${key.thumbprint}/${jti}`,
  until: freshUntil,
})

/** Spends an id; throws `replay_detected` where it was spent before. */
export async function spendOnce(context: Context, { id, until }: Spending): Promise<void> {
  const { committer } = context
  const writes = [spendProof(id, until)]
  await committer.submit({ writes, events: [], reserved: 'revocations' })
  forgetOld(context)
}

const spent = new WeakMap<Context, number>()
const sweepEvery = 64
/** Twice as many as were added, and long after a clock that is behind could still take them. */
const sweepAtOnce = 128
const margin = 120

function forgetOld(context: Context): void {
  const count = (spent.get(context) ?? 0) + 1
  spent.set(context, count)
  if (count % sweepEvery !== 0) return
  const writes = [forgetProofs(context.now() - margin, sweepAtOnce)]
  context.committer.submit({ writes, events: [] }).catch((error: unknown) => {
    context.log.warn({ error: String(error) }, 'Used proofs could not be forgotten.')
  })
}
