// The newest deny-list that was accepted. It only ever goes forward: a list that is older, of another
// history or of another issuer changes nothing (authority: rule 25).

import { keyOf } from '../core/denied.ts'
import type { DenyIndex } from '../core/denied.ts'
import { maxDenyListLength, parseDenyList } from '../core/deny-list.ts'
import type { DenyEntry, DenyList } from '../core/deny-list.ts'
import { verifyOwnJwt } from '../crypto/own-jwt.ts'
import type { KeySet } from './key-set.ts'

export interface KnownList {
  readonly version: number
  readonly mark: string
  readonly iat: number
  /** The keys whose tokens are believed. */
  readonly keys: ReadonlySet<string>
  readonly denied: DenyIndex
  readonly entries: readonly DenyEntry[]
}

export type ListFlaw =
  | 'unknown_list_key'
  | 'not_a_list'
  | 'wrong_list_issuer'
  | 'rolled_back'
  /** A delta that does not go on from what is known: only the whole list helps. */
  | 'gap'
  /** Signed later than it is. */
  | 'ahead'

export interface Knowing {
  readonly issuer: string
  readonly known: KnownList | undefined
  /** The highest version that was ever seen, also before a restart. */
  readonly seen: number
  readonly now: number
}

const longestAhead = 60

/** The list that follows from what was known and what arrived, or why that cannot be used. */
export function nextList(
  untrusted: string,
  keys: KeySet,
  { issuer, known, seen, now }: Knowing,
): KnownList | ListFlaw {
  const verified = verifyOwnJwt(untrusted, keys.lists, maxDenyListLength)
  if (!verified.ok) return verified.reason === 'unknown_header' ? 'unknown_list_key' : 'not_a_list'
  const list = parseDenyList(verified.claims)
  if (list === undefined) return 'not_a_list'
  if (list.iss !== issuer) return 'wrong_list_issuer'
  if (list.iat > now + longestAhead) return 'ahead'
  if (list.version < seen || list.iat < (known?.iat ?? 0)) return 'rolled_back'
  if (list.since !== undefined && !goesOnFrom(list.since, known)) return 'gap'
  const entries = list.since === undefined ? list.entries : merged(known?.entries ?? [], list)
  const { version, mark, iat } = list
  return { version, mark, iat, keys: new Set(list.keys), entries, denied: indexOf(entries) }
}

const goesOnFrom = (since: NonNullable<DenyList['since']>, known: KnownList | undefined): boolean =>
  since.version === known?.version && since.mark === known.mark

/** What is known without what can match nothing any more, and with what is new or was said anew. */
function merged(known: readonly DenyEntry[], { entries, keep_from }: DenyList): DenyEntry[] {
  const name = (entry: DenyEntry) => `${entry.seq} ${keyOf(entry)}`
  const fresh = new Set(entries.map(name))
  const kept = known.filter((entry) => {
    const isAlways = 'always' in entry && entry.always === true
    return (isAlways || entry.at >= keep_from) && !fresh.has(name(entry))
  })
  return [...kept, ...entries]
}

function indexOf(entries: readonly DenyEntry[]): DenyIndex {
  const index = new Map<string, DenyEntry[]>()
  for (const entry of entries) {
    const key = keyOf(entry)
    const known = index.get(key)
    if (known === undefined) index.set(key, [entry])
    else known.push(entry)
  }
  return index
}
