// Calls that wait are committed together, each answered for itself, after the live state took it in.

import { describe, expect, test } from 'vitest'
import { createCommitter } from '../../src/authority/committer.ts'
import type { LiveState } from '../../src/authority/live.ts'
import { Refusal } from '../../src/core/refusal.ts'
import { StoreProblem } from '../../src/store/problem.ts'
import type { Soon, Store, Unit, UnitResult } from '../../src/store/store.ts'

const good: UnitResult = { ok: true, seq: 1 }

/** A committer on a store that answers as it is told; `log` is what happened, in order. */
function committer(
  answer: (units: readonly Unit[]) => Soon<readonly UnitResult[]> = (units) =>
    units.map(() => good),
  catchUp: () => Soon<void> = () => undefined,
) {
  const log: string[] = []
  const store = {
    commit: (units: readonly Unit[], at: number) => {
      log.push(`commit ${units.length} at ${at}`)
      return answer(units)
    },
  } as unknown as Store
  const live = {
    catchUp: () => {
      log.push('caught up')
      return catchUp()
    },
  } as unknown as LiveState
  const made = createCommitter(store, live, () => 7)
  const submit = (name: string) =>
    made.submit({ writes: [], events: [] }).then((how) => void log.push(`${name} ${how}`))
  return { ...made, submit, submitUnit: made.submit, log }
}

const empty: Unit = { writes: [], events: [] }

describe('batches', () => {
  test('what waits in one turn is one commit, taken in before anyone is answered', async () => {
    const { submit, log } = committer()
    await Promise.all([submit('a'), submit('b'), submit('c')])
    expect(log).toEqual(['commit 3 at 7', 'caught up', 'a committed', 'b committed', 'c committed'])
  })

  test('what arrives during a commit shares the next one', async () => {
    const waiting: (() => void)[] = []
    const { submit, log } = committer(
      (units) =>
        new Promise((resolve) => {
          waiting.push(() => resolve(units.map(() => good)))
        }),
    )
    const first = submit('a')
    await expect.poll(() => waiting.length).toBe(1)
    const later = [submit('b'), submit('c')]
    await new Promise((resolve) => void setImmediate(resolve))
    expect(log).toEqual(['commit 1 at 7'])
    waiting[0]?.()
    await first
    await expect.poll(() => waiting.length).toBe(2)
    waiting[1]?.()
    await Promise.all(later)
    expect(log).toEqual([
      'commit 1 at 7',
      'caught up',
      'a committed',
      'commit 2 at 7',
      'caught up',
      'b committed',
      'c committed',
    ])
  })

  test('a batch has 256 units at most', async () => {
    const { submit, log } = committer()
    await Promise.all(Array.from({ length: 600 }, (_, i) => submit(`${i}`)))
    expect(log.filter((line) => line.startsWith('commit'))).toEqual([
      'commit 256 at 7',
      'commit 256 at 7',
      'commit 88 at 7',
    ])
  })

  test('idle waits for all that was submitted', async () => {
    const { submit, idle, log } = committer()
    await idle()
    void submit('a')
    await idle()
    expect(log.at(-1)).toBe('a committed')
  })
})

describe('answers', () => {
  test('each unit gets its own', async () => {
    const refusal = new Refusal('uses_exhausted')
    const answers: UnitResult[] = [
      good,
      { ok: false, stale: true },
      { ok: false, stale: false, error: refusal },
      { ok: false, stale: false, error: new Error('secret words') },
    ]
    const { submitUnit } = committer(() => answers)
    const settled = await Promise.allSettled(answers.map(() => submitUnit(empty)))
    expect(settled).toMatchObject([
      { value: 'committed' },
      { value: 'stale' },
      { reason: refusal },
      { reason: { code: 'unavailable', message: expect.not.stringContaining('secret') } },
    ])
  })

  test.each<[string, () => Soon<readonly UnitResult[]>, string]>([
    [
      'throws',
      () => {
        throw new StoreProblem('failed', 'SQLITE_FULL')
      },
      'unavailable',
    ],
    ['rejects', () => Promise.reject(new StoreProblem('failed', 'gone')), 'unavailable'],
    ['refuses', () => Promise.reject(new Refusal('rate_limited')), 'rate_limited'],
  ])(
    'when the store %s nobody is told it was done, and the next may try',
    async (_, fail, code) => {
      let fails = true
      const { submitUnit, log } = committer((units) => (fails ? fail() : units.map(() => good)))
      const settled = await Promise.allSettled([submitUnit(empty), submitUnit(empty)])
      expect(settled).toMatchObject([{ reason: { code } }, { reason: { code } }])
      expect(log).toEqual(['commit 2 at 7'])
      fails = false
      expect(await submitUnit(empty)).toBe('committed')
    },
  )

  test.each<[string, () => Soon<void>]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('what is committed is committed, even if taking it in %s', async (_, catchUp) => {
    const { submitUnit } = committer(() => Promise.resolve([good]), catchUp)
    expect(await submitUnit(empty)).toBe('committed')
    const sync = committer(() => [good], catchUp)
    expect(await sync.submitUnit(empty)).toBe('committed')
  })
})
