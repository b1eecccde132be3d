// Lets so many in at once, keeps so many in line, in order, and turns the rest away.

import { Refusal } from '../core/refusal.ts'

/** Runs work when its turn comes; throws `rate_limited` when the line is full. */
export function createTurnstile(concurrency: number, depth: number) {
  const waiting: (() => void)[] = []
  let atWork = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (atWork >= concurrency) {
      if (waiting.length >= depth) {
        throw new Refusal('rate_limited', { remedy: { text: 'Try again in a few seconds.' } })
      }
      // Whoever leaves hands its place over, so the count does not change and nobody can overtake.
      await new Promise<void>((enter) => {
        waiting.push(enter)
      })
    } else {
      atWork += 1
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) atWork -= 1
      else next()
    }
  }
}
