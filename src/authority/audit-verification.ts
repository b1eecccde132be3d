// Is the audit what was written? Every link of every chain is followed, and each chain must pass through
// what its signed checkpoints say and end where its sealed head says. Needs a store and keys, no server.

import { setImmediate } from 'node:timers/promises'
import { chainVerifier } from '../core/audit-link.ts'
import type { AuditEvent, Damage } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import type { Verifier } from '../crypto/signing-key.ts'
import { auditChains } from '../store/audit-chains.ts'
import { chainHead, checkpointsOf, eventsOfChain } from '../store/audit.ts'
import type { ChainHead, Checkpoint } from '../store/audit.ts'
import { onlyChain } from '../store/batch.ts'
import type { Store } from '../store/store.ts'
import { isGenuine } from './checkpoint.ts'

export interface AuditSource {
  readonly store: Store
  readonly hashOf: (text: string) => string
  /** Of checkpoint keys, by header. */
  readonly verifiers: ReadonlyMap<string, Verifier>
  readonly issuer: string
}

/** Sequence numbers, both included; without `to` the end of the chain is verified too. */
export interface Range {
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export interface ChainReport {
  readonly chain: string
  /** How many events were followed without damage. */
  readonly count: number
  readonly head: string
  readonly first_bad_seq?: number
  readonly what?: Damage
}

export interface AuditReport {
  readonly ok: boolean
  readonly count: number
  readonly chains: readonly ChainReport[]
}

/** The hash that links events: keyed, so that whoever can write to the database cannot link anew. */
export const auditHash =
  (keys: Subkeys) =>
  (text: string): string =>
    keyedHash(keys.audit, text).toString('base64url')

/** Verifies all chains, or the one that is named; an unknown name is refused. */
export async function verifyAudit(
  source: AuditSource,
  { chain, ...range }: Range & { readonly chain?: string | undefined } = {},
): Promise<AuditReport> {
  const known = await source.store.read(auditChains)
  if (chain !== undefined && !known.includes(chain)) {
    throw new Refusal('not_found', { message: 'There is no such chain.' })
  }
  // A store has events from its first commit on: where there are none at all, they were removed.
  const all = known.length === 0 ? [onlyChain] : known
  const chains = chain === undefined ? all : [chain]
  const reports: ChainReport[] = []
  for (const name of chains) reports.push(await verifyChain(source, name, range))
  return {
    ok: reports.every((report) => report.what === undefined),
    count: reports.reduce((count, report) => count + report.count, 0),
    chains: reports,
  }
}

interface Bad {
  readonly first_bad_seq: number
  readonly what: Damage
}

async function verifyChain(source: AuditSource, chain: string, range: Range): Promise<ChainReport> {
  const { store, verifiers, issuer } = source
  // In this order: a head that is read after the checkpoints is never behind them in a sound store.
  const checkpoints = await store.read(checkpointsOf(chain))
  const [head] = await store.read(chainHead(chain))
  const genuine = checkpoints.filter((each) => isGenuine(each, verifiers, issuer))
  const forged = checkpoints.find((each) => !genuine.includes(each) && isWithin(each.seq, range))
  const anchors = anchorsOf(genuine, head)
  const walked = await walk(source, chain, range, anchors)
  const bads = [
    walked.bad,
    forged && ({ first_bad_seq: forged.seq, what: 'edited' } as const),
    walked.bad === undefined && range.to === undefined
      ? await flawOfEnd(store, chain, head, walked.last)
      : undefined,
  ].filter((bad): bad is Bad => bad !== undefined)
  const [first] = bads.toSorted((a, b) => a.first_bad_seq - b.first_bad_seq)
  return { chain, count: walked.count, head: walked.head, ...first }
}

const isWithin = (seq: number, { from = 1, to = Number.MAX_SAFE_INTEGER }: Range): boolean =>
  seq >= from && seq <= to

/** What the chain must hold at which place, by those that can be believed. */
function anchorsOf(
  genuine: readonly Checkpoint[],
  head: ChainHead | undefined,
): ReadonlyMap<number, string> {
  const stated = genuine.map(({ seq, head: hash }) => [seq, hash] as const)
  return new Map(head?.sound === true ? [...stated, [head.seq, head.hash]] : stated)
}

const pageSize = 1000

/** Follows the links from `from` to the last place that is vouched for, or to `to` if that is nearer. */
async function walk(
  { store, hashOf }: AuditSource,
  chain: string,
  { from = 1, to = Number.MAX_SAFE_INTEGER }: Range,
  anchors: ReadonlyMap<number, string>,
) {
  const vouched = anchors.size === 0 ? Number.MAX_SAFE_INTEGER : Math.max(...anchors.keys())
  const end = Math.min(to, vouched)
  const before = from > 1 ? await eventAt(store, chain, from - 1) : undefined
  const verifier = chainVerifier(hashOf, before)
  let bad: Bad | undefined
  if (from > 1 && before === undefined && from <= end) {
    bad = { first_bad_seq: from - 1, what: 'missing' }
  }
  let next = from
  while (next <= end && bad === undefined && verifier.verdict().ok) {
    const page = await store.read(eventsOfChain(chain, next, pageSize))
    for (const event of page) {
      if (next > end) break
      const stated = anchors.get(event.seq)
      if (event.seq === next && stated !== undefined && stated !== event.hash) {
        bad = { first_bad_seq: event.seq, what: 'edited' }
        break
      }
      verifier.add(event)
      next = event.seq + 1
    }
    if (page.length < pageSize) break
    await setImmediate()
  }
  const mustReach = bad === undefined && from <= end && end < Number.MAX_SAFE_INTEGER
  const verdict = verifier.verdict(mustReach ? { seq: end, hash: '' } : undefined)
  const { count, head } = verdict
  if (!verdict.ok) bad ??= { first_bad_seq: verdict.first_bad_seq, what: verdict.what }
  return { count, head, last: from + count - 1, bad }
}

async function eventAt(store: Store, chain: string, seq: number): Promise<AuditEvent | undefined> {
  const [event] = await store.read(eventsOfChain(chain, seq, 1))
  return event?.seq === seq ? event : undefined
}

/** The end itself: a head that does not vouch for it, or events that the head does not know. */
async function flawOfEnd(
  store: Store,
  chain: string,
  head: ChainHead | undefined,
  last: number,
): Promise<Bad | undefined> {
  if (head?.sound !== true) return { first_bad_seq: last + 1, what: 'truncated' }
  const [extra] = await store.read(eventsOfChain(chain, head.seq + 1, 1))
  if (extra === undefined) return undefined
  // Read after the event: if that was committed since, the head has moved with it.
  const [now] = await store.read(chainHead(chain))
  const isCovered = now?.sound === true && now.seq >= extra.seq
  return isCovered ? undefined : { first_bad_seq: extra.seq, what: 'edited' }
}
