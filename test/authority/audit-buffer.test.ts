// Equal decisions become one event with a count; nothing that was told as decided is lost on the way.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createAuditBuffer } from '../../src/authority/audit-buffer.ts'
import type { Committer } from '../../src/authority/committer.ts'
import { event } from '../store/contract/bench.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A buffer and what it wrote, each batch as `id×count`. */
function buffer() {
  const batches: string[][] = []
  const commit = { answer: (): Promise<'committed' | 'stale'> => Promise.resolve('committed') }
  const committer: Committer = {
    submit: async ({ events }) => {
      const answer = await commit.answer()
      if (answer === 'committed') batches.push(events.map(({ id, count }) => `${id}×${count}`))
      return answer
    },
    idle: () => Promise.resolve(),
  }
  const made = createAuditBuffer(committer)
  let n = 0
  const named = () => {
    n += 1
    return event({ id: `e${n}` })
  }
  return {
    ...made,
    batches,
    commit,
    decide: (key: string) => made.add(key, named),
    meet: (key: string) => made.addStranger(key, named),
  }
}

describe('decisions', () => {
  test('equal ones share one event, whose id each is told', async () => {
    const { decide, batches } = buffer()
    expect(['a', 'b', 'a', 'a'].map(decide)).toEqual(['e1', 'e2', 'e1', 'e1'])
    await vi.advanceTimersByTimeAsync(49)
    expect(batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(batches).toEqual([['e1×3', 'e2×1']])
    expect(decide('a')).toBe('e3')
    await vi.advanceTimersByTimeAsync(50)
    expect(batches[1]).toEqual(['e3×1'])
  })

  test('flush writes what waits, at once', async () => {
    const { decide, flush, batches } = buffer()
    decide('a')
    await flush()
    expect(batches).toEqual([['e1×1']])
    await flush()
    await vi.advanceTimersByTimeAsync(1000)
    expect(batches).toHaveLength(1)
  })

  test('there is an end to how many wait', () => {
    const { decide } = buffer()
    for (let i = 0; i < 10_000; i++) decide(`${i}`)
    expect(() => decide('one more')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
    expect(decide('0')).toBe('e1')
  })
})

describe('strangers', () => {
  test('are written once a minute', async () => {
    const { meet, batches } = buffer()
    for (const key of ['x', 'y', 'x']) meet(key)
    await vi.advanceTimersByTimeAsync(59_000)
    meet('x')
    expect(batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1100)
    expect(batches).toEqual([['e1×3', 'e2×1']])
  })

  test('or with a flush, apart from decisions of the same key', async () => {
    const { meet, decide, flush, batches } = buffer()
    meet('x')
    decide('x')
    await flush()
    expect(batches.flat().toSorted()).toEqual(['e1×1', 'e2×1'])
  })

  test('are counted together once they are too many', async () => {
    const { meet, flush, batches } = buffer()
    for (let i = 0; i < 10_005; i++) meet(`${i}`)
    await flush()
    expect(batches.flat()).toHaveLength(10_001)
    expect(batches.flat().at(-1)).toBe('e10001×5')
  })
})

describe('while the audit cannot be written', () => {
  test.each<[string, () => Promise<'stale'>]>([
    ['refuses', () => Promise.reject(new Error('full'))],
    ['does not take the events', () => Promise.resolve('stale')],
  ])('because the store %s, nothing more is decided', async (_, fails) => {
    const { decide, flush, assertWritable, batches, commit } = buffer()
    const works = commit.answer
    decide('a')
    commit.answer = fails
    await expect(flush()).rejects.toThrow(/full|did not take/)
    expect(assertWritable).toThrow(expect.objectContaining({ code: 'unavailable' }))
    await vi.advanceTimersByTimeAsync(500)
    expect(assertWritable).toThrow('cannot be written')
    commit.answer = works
    await vi.advanceTimersByTimeAsync(50)
    expect(assertWritable).not.toThrow()
    expect(batches).toEqual([['e1×1']])
  })

  test('what was decided before and during the attempt is all kept, each under its own id', async () => {
    const { decide, flush, batches, commit } = buffer()
    const works = commit.answer
    let fail = (_: Error): void => undefined
    commit.answer = () =>
      new Promise((_, reject) => {
        fail = reject
      })
    expect([decide('a'), decide('a')]).toEqual(['e1', 'e1'])
    const attempt = flush().catch((error: unknown) => String(error))
    await vi.advanceTimersByTimeAsync(1)
    expect(decide('a')).toBe('e2')
    fail(new Error('full'))
    expect(await attempt).toContain('full')
    expect(decide('a')).toBe('e2')
    commit.answer = works
    await flush()
    expect(batches).toEqual([['e1×2', 'e2×2']])
  })
})
