// Following one chain, link by link, from where it begins to the last place that somebody vouches for;
// and whether it ends where its sealed head says.

import { setImmediate } from 'node:timers/promises'
import { chainVerifier } from '../core/audit-link.ts'
import type { AuditEvent, Damage } from '../core/audit-link.ts'
import { chainHead, eventsOfChain } from '../store/audit.ts'
import type { ChainHead } from '../store/audit.ts'
import type { Store } from '../store/store.ts'

export interface Bad {
  readonly first_bad_seq: number
  readonly what: Damage
}

export interface Walking {
  readonly store: Store
  /** Absent where the key is: then links are only compared. */
  readonly hashOf?: (text: string) => string
  readonly chain: string
  readonly from: number
  readonly to: number
  /** What stands before the first event that is left, where older ones were pruned. */
  readonly floor?: Pick<AuditEvent, 'seq' | 'hash'>
  /** What the chain must hold at which place, by those that can be believed. */
  readonly anchors: ReadonlyMap<number, string>
}

const pageSize = 1000

/** Follows the links up to the last place that is vouched for, or to `to` if that is nearer. */
export async function walk({ store, hashOf, chain, from, to, floor, anchors }: Walking) {
  const vouched = anchors.size === 0 ? Number.MAX_SAFE_INTEGER : Math.max(...anchors.keys())
  const end = Math.min(to, vouched)
  const isAtFloor = floor !== undefined && floor.seq === from - 1
  const before = isAtFloor ? floor : from > 1 ? await eventAt(store, chain, from - 1) : undefined
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
      if (!verifier.verdict().ok) break
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
export async function flawOfEnd(
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
