// Chance that can be had again: whoever uses it prints the seed, and REMIT_TEST_SEED takes it from there. What
// the machine decides, such as which of two processes is first, stays its own.

import { randomInt } from 'node:crypto'

export interface Chance {
  readonly seed: number
  /** From 0 to below 1. */
  next(): number
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  of<T>(list: readonly T[]): T
}

export function seeded(
  seed = Number(process.env['REMIT_TEST_SEED'] ?? randomInt(2 ** 31)),
): Chance {
  let state = seed
  // mulberry32
  const next = () => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    seed,
    next,
    below,
    of: (list) => {
      const chosen = list[below(list.length)]
      if (chosen === undefined) throw new Error('The list is empty.')
      return chosen
    },
  }
}
