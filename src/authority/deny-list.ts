// The deny-list of a store as one process knows it: it follows the changes, and forgets what can match no
// unexpired token. Reads only; signing is for signed-deny-list.ts.

import type { DenyEntry, DenyList } from '../core/deny-list.ts'
import { sha256 } from '../crypto/keyed-hash.ts'
import { changeOfNumber, typeChangesAfter } from '../store/facts.ts'
import { allRevocations, lostRevocations, revocationsAfter } from '../store/revocations.ts'
import type { NotedRevocation } from '../store/revocations.ts'
import { one } from '../store/store.ts'
import { oldestUnexpired } from '../store/tokens.ts'
import type { Context } from './context.ts'
import { entriesOf, operationsOf } from './deny-entries.ts'
import type { LiveState } from './live.ts'

/** The longest life that configuration can give a token. */
const longestLife = 86_400
/** For how long other processes may still commit what they decided before a change. */
const settlesWithin = 60
const slack = 300

interface Known {
  readonly at: number
  readonly entries: readonly DenyEntry[]
  /** Says it anew: while it is not settled it may be found to end more tokens. */
  readonly again: () => Promise<readonly DenyEntry[]>
}

interface Following {
  /** The newest change that was looked at. */
  seq: number
  readonly known: Map<number, Known>
  /** Restrictions that were tampered with: never forgotten. */
  damaged?: readonly NotedRevocation[]
  keepFrom: number
  keepFromAsOf: number
}

const followed = new WeakMap<LiveState, Following>()

/** The whole list as of now; entries that a delta must repeat are `unsettled`. */
export async function denyList(
  context: Context,
): Promise<{ readonly list: DenyList; readonly unsettled: ReadonlySet<DenyEntry> }> {
  const { live, self, ring, now } = context
  const iat = now()
  await live.catchUp()
  const version = live.seq
  const following = followed.get(live) ?? begin()
  followed.set(live, following)
  await setKeepFrom(context, following)
  const always = await ofDamaged(context, following)
  await follow(context, following, version)
  await settle(context, following)
  const known = [...following.known.values()]
  const unsettled = known.filter((each) => !isSettled(context, each)).flatMap((k) => k.entries)
  return {
    list: {
      iss: self.issuer,
      iat,
      version,
      mark: (await markOf(context, version)) ?? '0',
      keep_from: following.keepFrom,
      keys: [...ring.verifiers('access_token', iat).values()].map(({ kid }) => kid),
      entries: [...known.flatMap(({ entries }) => entries), ...always],
    },
    unsettled: new Set([...unsettled, ...always]),
  }
}

/** What tells a change from another of the same number in another history of this store. */
export async function markOf({ store }: Context, version: number): Promise<string | undefined> {
  const change = await one(store.read(changeOfNumber(version)))
  if (change === undefined) return undefined
  return sha256(JSON.stringify([change.seq, change.entity, change.id, change.at]))
}

const begin = (): Following => ({ seq: 0, known: new Map(), keepFrom: 0, keepFromAsOf: 0 })

/** Before this second no unexpired token was issued; also where tokens once were given longer lives. */
async function setKeepFrom({ store, settings, now }: Context, following: Following): Promise<void> {
  const at = now()
  if (at < following.keepFromAsOf + settlesWithin) return
  const usual = at - settings.tokenMax
  const older = await one(store.read(oldestUnexpired(at - longestLife, usual, at)))
  following.keepFrom = Math.max(0, Math.min(usual, older ?? usual) - slack)
  following.keepFromAsOf = at
  for (const [seq, known] of following.known) {
    if (known.entries.every((entry) => entry.at < following.keepFrom)) following.known.delete(seq)
  }
}

/** A restriction whose row is damaged or gone ends whatever its key can mean, whenever it was made. */
async function ofDamaged(context: Context, following: Following): Promise<readonly DenyEntry[]> {
  const { store } = context
  following.damaged ??= [
    ...(await store.read(allRevocations)),
    ...(await store.read(lostRevocations)),
  ]
    .filter(({ damaged }) => damaged === true)
    .map((revocation) => ({ revocation, seq: 0, at: 0 }))
  const entries: DenyEntry[] = []
  for (const each of following.damaged) {
    entries.push(...(await entriesOf(context, each, following.keepFrom)))
  }
  return entries
}

/** Takes in what is new up to a version: what is committed meanwhile waits for the next list. */
async function follow(context: Context, following: Following, version: number): Promise<void> {
  const { store } = context
  const { seq, known, keepFrom } = following
  const noted = await store.read(revocationsAfter(seq, keepFrom))
  const types = await store.read(typeChangesAfter(seq, keepFrom))
  const fresh = [
    ...noted.map((each) => ({ ...each, again: () => entriesOf(context, each, keepFrom) })),
    ...types.map((change) => ({ ...change, again: () => operationsOf(context, change) })),
  ]
  for (const { seq: number, at, again } of fresh) {
    if (number <= version) known.set(number, { at, again, entries: await again() })
  }
  following.seq = Math.max(following.seq, version)
}

async function settle(context: Context, { known }: Following): Promise<void> {
  for (const [seq, each] of known) {
    if (isSettled(context, each)) continue
    known.set(seq, { ...each, entries: await each.again() })
  }
}

/** On PostgreSQL a token decided before a restriction may be committed just after it. */
const isSettled = ({ store, now }: Context, { at }: Known): boolean =>
  store.engine === 'sqlite' || at <= now() - settlesWithin
