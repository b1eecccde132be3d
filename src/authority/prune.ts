// `remit prune`: removes what ended long ago. Nothing that is removed may change a decision: only expired
// grants go, with their tokens, and what says that something happened before is kept for as long as
// asked. Standing roots, restrictions, agents and credentials stay.

import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { chainHeads } from '../store/audit.ts'
import {
  endedGrants,
  endedHandoffs,
  endedRequestKeys,
  findingsAfter,
  grantsWithMakings,
  lineagesOf,
  oldAnswers,
  oldProofs,
  tokensOfEndedGrants,
} from '../store/prune.ts'
import type { Prunable } from '../store/prune.ts'
import { readCheckpoints } from './checkpoint-file.ts'
import { sweepDeliveries } from './deliveries.ts'
import { commitOnHost } from './on-host.ts'
import type { OnHost } from './on-host.ts'
import { pruneAudit } from './prune-audit.ts'
import type { PrunedChain } from './prune-audit.ts'

export interface PruneAsked {
  /** Seconds. */
  readonly olderThan: number
  readonly dryRun: boolean
}

export interface PruneReport {
  /** What ended before this time went. */
  readonly before: number
  readonly dry_run?: true
  readonly grants: number
  readonly tokens: number
  readonly handoffs: number
  readonly idempotency_records: number
  readonly used_proofs: number
  readonly request_keys: number
  readonly deliveries: number
  /** Chains of the audit that begin later now; behind a checkpoint that is kept, or not at all. */
  readonly audit: readonly PrunedChain[]
}

const shortest = 24 * 3600

/** Refuses less than a day, in which a call may still be repeated. */
export async function pruneStore(
  host: OnHost,
  { home, checkpoints }: Pick<Config, 'home' | 'checkpoints'>,
  { olderThan, dryRun }: PruneAsked,
): Promise<PruneReport> {
  if (olderThan < shortest) {
    throw new Refusal('invalid_request', { message: 'Nothing younger than a day is pruned.' })
  }
  const { now, self, ring } = host
  const before = now() - olderThan
  const signed = { verifiers: ring.verifiers('checkpoint', now()), issuer: self.issuer }
  const { genuine: kept } = await readCheckpoints(checkpoints, signed)
  const audit = await pruneAudit({ host, kept, before, dryRun })
  const keep = await grantsToKeep(host)
  const go = (prunable: Prunable) => pruneRows(host, prunable, dryRun)
  const counts = {
    handoffs: await go(endedHandoffs(before)),
    idempotency_records: await go(oldAnswers(before)),
    used_proofs: await go(oldProofs(before)),
    request_keys: await go(endedRequestKeys(before)),
    tokens: await go(tokensOfEndedGrants(before, keep)),
    grants: await go(endedGrants(before, keep)),
    deliveries: await sweepDeliveries({ settings: { home }, now }, dryRun),
  }
  if (!dryRun) {
    const event = host.event('prune', self.storeId, { before, ...counts })
    await commitOnHost(host, { writes: [], events: [event] })
  }
  return { before, ...(dryRun && { dry_run: true }), ...counts, audit }
}

const slice = 500
const pauseMs = 10

/** In short commits, with room for others between them. */
async function pruneRows(host: OnHost, prunable: Prunable, dryRun: boolean): Promise<number> {
  let count = 0
  let after = ''
  for (;;) {
    const ids = await host.store.read(prunable.page(after, slice))
    const last = ids.at(-1)
    if (last === undefined) return count
    if (!dryRun) {
      await commitOnHost(host, { writes: prunable.remove(ids), events: [] })
      await pause(pauseMs)
    }
    count += ids.length
    after = last
  }
}

/** Grants that a finding is about or under which something was made, and all above them. */
async function grantsToKeep(host: OnHost): Promise<readonly string[]> {
  const { store } = host
  const named = new Set(await store.read(grantsWithMakings))
  for (const { chain } of await store.read(chainHeads)) {
    for (let after = 0; ;) {
      const page = await store.read(findingsAfter(chain, after, slice))
      for (const { grants } of page) for (const id of grants) named.add(id)
      after = page.at(-1)?.seq ?? after
      if (page.length < slice) break
    }
  }
  const lines = await store.read(lineagesOf([...named]))
  return [...new Set([...named, ...lines.flat()])]
}
