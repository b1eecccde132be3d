// Whether a store that is about to be put in place is what it was: its audit verifies by itself, and is the
// history that the checkpoints kept outside the database tell of. One that is older than those would bring
// back to life what was revoked after it.

import { Refusal } from '../core/refusal.ts'
import { chainHeads } from '../store/audit.ts'
import type { ChainHead, Checkpoint } from '../store/audit.ts'
import { StoreProblem } from '../store/problem.ts'
import { auditHash, verifyAudit } from './audit-verification.ts'
import { readCheckpoints } from './checkpoint-file.ts'
import type { OnHost } from './on-host.ts'

/** Where each chain ends. */
export type AuditEnds = readonly {
  readonly chain: string
  readonly seq: number
  readonly head: string
}[]

export interface ProvenAudit {
  readonly heads: AuditEnds
  /** How many checkpoints outside the database it was compared with. */
  readonly compared: number
  /** The newest of those that the store is older than. */
  readonly newer: Checkpoint | undefined
}

/** Throws where the audit of `file`, by the name that its user gave, is not whole or not ours. */
export async function proveAudit(
  { store, keys, ring, self, now }: OnHost,
  checkpoints: string,
  file: string,
  done: 'restored' | 'moved',
): Promise<ProvenAudit> {
  const verifiers = ring.verifiers('checkpoint', now())
  const source = { store, hashOf: auditHash(keys), verifiers, issuer: self.issuer }
  const report = await verifyAudit(source)
  const bad = report.chains.find((each) => each.what !== undefined)
  if (bad !== undefined) {
    throw notWhole(
      file,
      done,
      `its audit does not verify: event ${bad.first_bad_seq} is ${bad.what}`,
    )
  }
  const heads = await store.read(chainHeads)
  const { genuine } = await readCheckpoints(checkpoints, source)
  const isNewer = ({ chain, seq }: Checkpoint) =>
    seq > (heads.find((head) => head.chain === chain)?.seq ?? 0)
  // As far as the store reaches it must be the same history.
  const shared = genuine.filter((each) => !isNewer(each))
  const again = await verifyAudit({ ...source, kept: shared })
  if (!again.ok) throw otherHistory(file, checkpoints)
  const newer = genuine.filter(isNewer).toSorted((a, b) => b.at - a.at || b.seq - a.seq)[0]
  return { heads: endsOf(heads), compared: genuine.length, newer }
}

export const endsOf = (heads: readonly ChainHead[]): AuditEnds =>
  heads.map(({ chain, seq, hash }) => ({ chain, seq, head: hash }))

export const notWhole = (file: string, done: 'restored' | 'moved', why: string): StoreProblem =>
  new StoreProblem('damaged', `${file} cannot be ${done}: ${why}. Nothing was changed.`)

const otherHistory = (file: string, checkpoints: string): Refusal =>
  new Refusal('conflict', {
    message: `${file} holds another history than the checkpoints in ${checkpoints}. Nothing was changed.`,
    remedy: { text: 'One of the two was tampered with, or belongs to another time of this store.' },
  })
