// What a verifier goes by: the keys and the deny-list, fetched together, at most once every few seconds and
// once however many wait. A list is good for 30 seconds; without one nothing is believed.

import type { Clock } from './clock.ts'
import type { Fetch } from './fetch-text.ts'
import { readKeySet } from './key-set.ts'
import type { KeySet } from './key-set.ts'
import { nextList } from './known-list.ts'
import type { KnownList, ListFlaw } from './known-list.ts'

export interface Trusted {
  readonly keys: KeySet
  readonly list: KnownList
}

export type TrustFlaw = ListFlaw | 'not_fetched' | 'not_a_key_set' | 'stale'

export interface Trust {
  /** Keys and list as they are now, or the reason why there are none to go by. */
  current(): Promise<Trusted | TrustFlaw>
}

export interface TrustOptions {
  readonly issuer: string
  readonly fetch: Fetch
  readonly clock: Clock
  readonly refreshSeconds: number
  /** The highest version seen, kept by the caller where it must outlast a restart. */
  readonly lowestVersion: number
  readonly onVersion: (version: number) => void
  readonly onProblem: (problem: { readonly reason: TrustFlaw; readonly cause?: unknown }) => void
}

const longestAge = 30
const keysLastSeconds = 300
const retrySeconds = 1

export function createTrust(options: TrustOptions): Trust {
  const { issuer, fetch, clock, refreshSeconds, onVersion, onProblem } = options
  let keys: KeySet | undefined
  let keysAt = -Infinity
  let list: KnownList | undefined
  let seen = options.lowestVersion
  let due = -Infinity
  let flaw: TrustFlaw = 'not_fetched'
  let running: Promise<void> | undefined

  async function fetchKeys(): Promise<TrustFlaw | undefined> {
    const fresh = readKeySet(await fetch('jwks'))
    if (fresh === undefined) return 'not_a_key_set'
    keys = fresh
    keysAt = clock.elapsed()
  }

  async function fetchList(since: number | undefined): Promise<TrustFlaw | undefined> {
    const text = await fetch('deny-list', since)
    const knowing = () => ({ issuer, known: list, seen, now: clock.now() })
    const read = () => (keys === undefined ? 'unknown_list_key' : nextList(text, keys, knowing()))
    let next = read()
    // A key that is not known is one that is new, or no key of this Remit.
    if (next === 'unknown_list_key') {
      const keysFlaw = await fetchKeys()
      if (keysFlaw !== undefined) return keysFlaw
      next = read()
    }
    if (next === 'gap') return since === undefined ? 'gap' : fetchList(undefined)
    if (typeof next === 'string') return next
    list = next
    clock.observe(next.iat)
    if (next.version > seen) onVersion(next.version)
    seen = Math.max(seen, next.version)
  }

  async function refresh(): Promise<TrustFlaw | undefined> {
    const listFlaw = await fetchList(list?.version)
    if (listFlaw !== undefined) return listFlaw
    const isMissing = [...(list?.keys ?? [])].some((kid) => keys?.kids.has(kid) !== true)
    const isOld = clock.elapsed() >= keysAt + keysLastSeconds * 1000
    return isMissing || isOld ? fetchKeys() : undefined
  }

  async function run(): Promise<void> {
    const started = clock.elapsed()
    try {
      const found = await refresh()
      if (found !== undefined) {
        flaw = found
        onProblem({ reason: found })
      }
      due = started + (found === undefined ? refreshSeconds : retrySeconds) * 1000
    } catch (cause) {
      flaw = 'not_fetched'
      due = started + retrySeconds * 1000
      onProblem({ reason: flaw, cause })
    } finally {
      running = undefined
    }
  }

  return {
    async current() {
      if (clock.elapsed() >= due) await (running ??= run())
      if (keys === undefined || list === undefined) return flaw
      return clock.now() - list.iat > longestAge ? 'stale' : { keys, list }
    },
  }
}
