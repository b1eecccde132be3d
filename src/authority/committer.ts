// The one way in which anything changes. Calls that wait are committed together, each under its own
// savepoint; work that arrives during a commit shares the next one. After each commit the live state
// takes the changes in, before any of those calls is answered.

import { Refusal } from '../core/refusal.ts'
import type { Soon, Store, Unit, UnitResult } from '../store/store.ts'
import type { LiveState } from './live.ts'

export interface Committer {
  /** Resolves once the unit is durable: `stale` when a condition no longer held. Rejects otherwise. */
  submit(unit: Unit): Promise<'committed' | 'stale'>
  /** Resolves when everything submitted so far was answered. */
  idle(): Promise<void>
}

interface Waiting {
  readonly unit: Unit
  readonly answer: (result: UnitResult) => void
  readonly fail: (error: unknown) => void
}

const largestBatch = 256

export function createCommitter(store: Store, live: LiveState, now: () => number): Committer {
  let waiting: Waiting[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    await nextTurn()
    while (waiting.length > 0) {
      const batch = waiting.slice(0, largestBatch)
      waiting = waiting.slice(largestBatch)
      const committed = commitBatch(batch)
      if (committed instanceof Promise) await committed
      if (waiting.length > 0) await nextTurn()
    }
    running = undefined
  }

  async function commitLater(
    results: Promise<readonly UnitResult[]>,
  ): Promise<readonly UnitResult[]> {
    const settled = await results
    await takeIn()
    return settled
  }

  /** What is committed is committed: should this fail, the next call catches up before it decides. */
  function takeIn(): Soon<void> {
    try {
      const taken = live.catchUp()
      return taken instanceof Promise ? taken.catch(() => undefined) : taken
    } catch {
      return undefined
    }
  }

  function commitNow(units: readonly Unit[]): Soon<readonly UnitResult[]> {
    const results = store.commit(units, now())
    if (results instanceof Promise) return commitLater(results)
    void takeIn()
    return results
  }

  function commitBatch(batch: readonly Waiting[]): Soon<void> {
    const deliver = (results: readonly UnitResult[]) => {
      for (const [i, result] of results.entries()) batch[i]?.answer(result)
    }
    const fail = (error: unknown) => {
      for (const each of batch) each.fail(error)
    }
    try {
      const results = commitNow(batch.map(({ unit }) => unit))
      if (results instanceof Promise) return results.then(deliver, fail)
      deliver(results)
    } catch (error) {
      fail(error)
    }
  }

  return {
    submit: (unit) =>
      new Promise((resolve, reject) => {
        const fail = (error: unknown) => {
          reject(asRefusal(error))
        }
        const answer = (result: UnitResult) => {
          if (result.ok) resolve('committed')
          else if (result.stale) resolve('stale')
          else fail(result.error)
        }
        waiting.push({ unit, answer, fail })
        running ??= run()
      }),
    idle: async () => {
      while (running !== undefined) await running
    },
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** What the engine could not do is `unavailable`: nothing was changed and trying again is right. */
const asRefusal = (error: unknown): Error =>
  error instanceof Refusal
    ? error
    : new Refusal('unavailable', {
        message: 'The store could not take the change; nothing was changed.',
        remedy: { text: 'Try again; if it stays so, the operator should run `remit doctor`.' },
        cause: error,
      })
