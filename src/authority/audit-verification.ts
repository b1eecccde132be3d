// Is the audit what was written? Every link of every chain is followed, and each chain must pass through
// what its signed checkpoints say, those kept outside the store included, and end where its sealed head
// says. Needs a store and keys, no server.

import type { Damage } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import type { Verifier } from '../crypto/signing-key.ts'
import { auditChains } from '../store/audit-chains.ts'
import { floorOf } from '../store/audit-floors.ts'
import type { ChainFloor } from '../store/audit-floors.ts'
import { chainHead, checkpointsOf } from '../store/audit.ts'
import type { ChainHead, Checkpoint } from '../store/audit.ts'
import { onlyChain } from '../store/batch.ts'
import type { Store } from '../store/store.ts'
import { flawOfEnd, walk } from './audit-walk.ts'
import type { Bad } from './audit-walk.ts'
import { isGenuine } from './checkpoint.ts'

export interface AuditSource {
  readonly store: Store
  /** Absent where the key is: then an edited event shows only by what was signed. */
  readonly hashOf?: (text: string) => string
  /** Of checkpoint keys, by header. */
  readonly verifiers: ReadonlyMap<string, Verifier>
  readonly issuer: string
  /** Genuine checkpoints that were kept outside the store. */
  readonly kept?: readonly Checkpoint[]
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
  const kept = (source.kept ?? []).map((each) => each.chain)
  const known = [...new Set([...(await source.store.read(auditChains)), ...kept])].toSorted()
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

async function verifyChain(source: AuditSource, chain: string, range: Range): Promise<ChainReport> {
  const { store, verifiers, issuer, hashOf } = source
  // In this order: a head that is read after the checkpoints is never behind them in a sound store.
  const checkpoints = await store.read(checkpointsOf(chain))
  const [head] = await store.read(chainHead(chain))
  const genuine = checkpoints.filter((each) => isGenuine(each, verifiers, issuer))
  const forged = checkpoints.find((each) => !genuine.includes(each) && isWithin(each.seq, range))
  const vouching = [...genuine, ...(source.kept ?? []).filter((each) => each.chain === chain)]
  const floor = await vouchedFloor(store, chain, vouching)
  const anchors = anchorsOf(vouching, head)
  const from = Math.max(range.from ?? 1, (floor?.seq ?? 0) + 1)
  const walked = await walk({
    store,
    chain,
    from,
    to: range.to ?? Number.MAX_SAFE_INTEGER,
    anchors,
    ...(hashOf !== undefined && { hashOf }),
    ...(floor !== undefined && { floor }),
  })
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

/** Where pruning left the chain to begin: only where a checkpoint says the same of that place. */
async function vouchedFloor(
  store: Store,
  chain: string,
  vouching: readonly Checkpoint[],
): Promise<ChainFloor | undefined> {
  const [floor] = await store.read(floorOf(chain))
  const isVouched = vouching.some(({ seq, head }) => seq === floor?.seq && head === floor.hash)
  return isVouched ? floor : undefined
}

/** What the chain must hold at which place, by those that can be believed. */
function anchorsOf(
  vouching: readonly Checkpoint[],
  head: ChainHead | undefined,
): ReadonlyMap<number, string> {
  const anchors = new Map<number, string>()
  const stated = vouching.map(({ seq, head: hash }) => [seq, hash] as const)
  if (head?.sound === true) stated.push([head.seq, head.hash])
  for (const [seq, hash] of stated) {
    const other = anchors.get(seq)
    anchors.set(seq, other === undefined || other === hash ? hash : nothingFits)
  }
  return anchors
}

/** Where two that can be believed differ, the chain was written twice. */
const nothingFits = ''
