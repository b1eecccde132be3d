// The audit is pruned only behind a checkpoint that is kept outside the database too, and only after all
// that goes was verified up to it: from then on the chain hangs from that checkpoint.

import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../core/refusal.ts'
import {
  deleteCheckpoints,
  deleteEvents,
  eventsUnderFloor,
  floorOf,
  lastSeqBefore,
  raiseFloor,
} from '../store/audit-floors.ts'
import type { ChainFloor } from '../store/audit-floors.ts'
import { chainHeads, checkpointsOf } from '../store/audit.ts'
import type { Checkpoint } from '../store/audit.ts'
import { one } from '../store/store.ts'
import { auditHash, verifyAudit } from './audit-verification.ts'
import type { AuditSource } from './audit-verification.ts'
import { commitOnHost } from './on-host.ts'
import type { OnHost } from './on-host.ts'

export interface AuditPruning {
  readonly host: OnHost
  /** Genuine checkpoints outside the database. */
  readonly kept: readonly Checkpoint[]
  readonly before: number
  readonly dryRun: boolean
}

export interface PrunedChain {
  readonly chain: string
  readonly events: number
  /** Where the chain begins from now on. */
  readonly from_seq: number
}

/** Refuses, and removes nothing, where what would go does not verify. */
export async function pruneAudit(pruning: AuditPruning): Promise<readonly PrunedChain[]> {
  const pruned: PrunedChain[] = []
  for (const { chain } of await pruning.host.store.read(chainHeads)) {
    const floor = await one(pruning.host.store.read(floorOf(chain)))
    const next = await nextFloor(pruning, chain, floor?.seq ?? 0)
    if (pruning.dryRun) {
      if (next !== undefined) pruned.push(chainFrom(chain, next.seq - (floor?.seq ?? 0), next.seq))
      continue
    }
    if (next !== undefined) await raise(pruning.host, next)
    // Also what a run that was cut short left.
    const events = await removeUnderFloor(pruning.host, chain)
    if (events > 0) pruned.push(chainFrom(chain, events, next?.seq ?? floor?.seq ?? 0))
  }
  return pruned
}

const chainFrom = (chain: string, events: number, floor: number): PrunedChain => ({
  chain,
  events,
  from_seq: floor + 1,
})

/** The newest checkpoint that is older than asked, kept on both sides, and verified up to. */
async function nextFloor(
  { host, kept, before }: AuditPruning,
  chain: string,
  present: number,
): Promise<ChainFloor | undefined> {
  const { store, keys, ring, self, now } = host
  const last = (await one(store.read(lastSeqBefore(chain, before)))) ?? 0
  const inStore = await store.read(checkpointsOf(chain))
  const newest = kept
    .filter((each) => each.chain === chain && each.seq > present && each.seq <= last)
    .filter((each) => inStore.some(({ signed }) => signed === each.signed))
    .toSorted((a, b) => b.seq - a.seq)[0]
  if (newest === undefined) return undefined
  const source: AuditSource = {
    store,
    hashOf: auditHash(keys),
    verifiers: ring.verifiers('checkpoint', now()),
    issuer: self.issuer,
    kept,
  }
  const { ok, chains } = await verifyAudit(source, { chain, to: newest.seq })
  if (!ok) throw notSound(chain, chains[0]?.first_bad_seq)
  return { chain, seq: newest.seq, hash: newest.head, at: now() }
}

async function raise(host: OnHost, floor: ChainFloor): Promise<void> {
  const { chain, seq } = floor
  const event = host.event('prune_audit', host.self.storeId, { chain, up_to: seq })
  await commitOnHost(host, { writes: [raiseFloor(floor)], events: [event] })
}

const slice = 500
const pauseMs = 10

async function removeUnderFloor(host: OnHost, chain: string): Promise<number> {
  let removed = 0
  for (;;) {
    const page = await host.store.read(eventsUnderFloor(chain, slice))
    const last = page.at(-1)
    if (last === undefined) break
    await commitOnHost(host, { writes: [deleteEvents(chain, last)], events: [] })
    removed += page.length
    await pause(pauseMs)
  }
  if (removed > 0) await commitOnHost(host, { writes: [deleteCheckpoints(chain)], events: [] })
  return removed
}

const notSound = (chain: string, seq: number | undefined): Refusal =>
  new Refusal('unavailable', {
    message: `Nothing was pruned: chain ${chain} does not verify at event ${seq}.`,
    remedy: { text: 'Run `remit audit verify`; keep the database as evidence.' },
  })
