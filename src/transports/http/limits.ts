// How much at once one source or one caller may ask: a bucket for each, filled by the second. Few are
// remembered, and a bucket that is forgotten is full again, so that nobody is locked out for long.

import { LRUCache } from 'lru-cache'

export interface Limits {
  /** Whether one more request may come in. */
  source(address: string): boolean
  /** By what it presents; a caller with several credentials has a bucket for each. */
  caller(presented: string): boolean
}

const remembered = 10_000

export const createLimits = (perSource: number, perCaller: number, now = secondsNow): Limits => {
  const sources = buckets(perSource, now)
  const callers = buckets(perCaller, now)
  return {
    source: (address) => sources(prefixOf(address)),
    // The end of a secret tells its holders apart; the whole of it is not for keeping.
    caller: (presented) => callers(presented.slice(-32)),
  }
}

/** Takes one from the bucket of a key: it holds as many as come in two seconds. */
function buckets(perSecond: number, now: () => number): (key: string) => boolean {
  const most = perSecond * 2
  const known = new LRUCache<string, { left: number; at: number }>({ max: remembered })
  return (key) => {
    const at = now()
    const bucket = known.get(key) ?? { left: most, at }
    bucket.left = Math.min(most, bucket.left + (at - bucket.at) * perSecond) - 1
    bucket.at = at
    known.set(key, bucket)
    if (bucket.left >= 0) return true
    bucket.left = 0
    return false
  }
}

const secondsNow = (): number => performance.now() / 1000

/** Whoever has one IPv6 address has the 2^64 beside it. */
const prefixOf = (address: string): string =>
  address.includes(':') && !address.startsWith('::ffff:')
    ? address.split(':').slice(0, 4).join(':')
    : address
