// Signed checkpoints: a statement of how many events a chain has and what it ends with. Kept elsewhere
// too, they show that a whole store was set back. Signed with a key of their own.

import { Refusal } from '../core/refusal.ts'
import { signOwnJwt, verifyOwnJwt } from '../crypto/own-jwt.ts'
import type { Verifier } from '../crypto/signing-key.ts'
import { chainHeads, insertCheckpoint, newestCheckpointOf } from '../store/audit.ts'
import type { ChainHead, Checkpoint } from '../store/audit.ts'
import type { Context } from './context.ts'

type Signing = Pick<Context, 'store' | 'committer' | 'ring' | 'self' | 'now'>

/** Signs and stores the end of every chain that moved since its last checkpoint; returns these. */
export async function writeCheckpoint(context: Signing): Promise<readonly Checkpoint[]> {
  const { store, committer } = context
  const heads = await store.read(chainHeads)
  const moved: ChainHead[] = []
  for (const head of heads) {
    if (!head.sound) throw tampered()
    const last = await lastGenuine(context, head.chain)
    if (last === undefined || last.seq < head.seq) moved.push(head)
  }
  if (moved.length === 0) return []
  const made = moved.map((head) => signedCheckpoint(context, head))
  await committer.submit({ writes: made.map(insertCheckpoint), events: [] })
  return made
}

/** The newest checkpoint of a chain in the store; one that is not genuine is as good as none. */
export async function lastGenuine(
  { store, ring, self, now }: Omit<Signing, 'committer'>,
  chain: string,
): Promise<Checkpoint | undefined> {
  const [last] = await store.read(newestCheckpointOf(chain))
  if (last === undefined) return undefined
  return isGenuine(last, ring.verifiers('checkpoint', now()), self.issuer) ? last : undefined
}

/** Nothing is signed over an end that does not vouch for itself. */
const tampered = (): Refusal =>
  new Refusal('unavailable', {
    message: 'The end of an audit chain was tampered with.',
    remedy: { text: 'The operator should run `remit audit verify`.' },
  })

function signedCheckpoint({ ring, self, now }: Signing, head: ChainHead): Checkpoint {
  const { chain, seq, hash } = head
  const at = now()
  const { signer } = ring.signer('checkpoint')
  const statement = { iss: self.issuer, server_id: self.serverId, chain, seq, head: hash, at }
  return { chain, seq, head: hash, at, signed: signOwnJwt(signer, statement) }
}

/** Whether a stored checkpoint is the statement that was signed here. */
export function isGenuine(
  checkpoint: Checkpoint,
  verifiers: ReadonlyMap<string, Verifier>,
  issuer: string,
): boolean {
  const verified = verifyOwnJwt(checkpoint.signed, verifiers)
  if (!verified.ok) return false
  const { iss, chain, seq, head, at } = verified.claims
  return (
    iss === issuer &&
    chain === checkpoint.chain &&
    seq === checkpoint.seq &&
    head === checkpoint.head &&
    at === checkpoint.at
  )
}
