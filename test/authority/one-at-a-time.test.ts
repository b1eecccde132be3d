// Overlapping requests share runs, and nobody is answered by a run that began before it asked.

import { expect, test } from 'vitest'
import { oneAtATime } from '../../src/authority/one-at-a-time.ts'

function gated() {
  const gates: (() => void)[] = []
  let runs = 0
  const work = oneAtATime(() => {
    runs += 1
    return new Promise<void>((resolve) => void gates.push(resolve))
  })
  return { work, open: () => gates.shift()?.(), runs: () => runs }
}

test('work that is done at once stays synchronous', () => {
  let runs = 0
  const work = oneAtATime(() => void (runs += 1))
  expect([work.run(), work.run(), work.isRunning(), runs]).toEqual([undefined, undefined, false, 2])
})

test('all who ask during a run share exactly one more run', async () => {
  const { work, open, runs } = gated()
  const first = work.run()
  const later = [work.run(), work.run(), work.run()]
  expect(runs()).toBe(1)
  open()
  await first
  expect([work.isRunning(), runs()]).toEqual([true, 2])
  open()
  await Promise.all(later)
  expect([work.isRunning(), runs()]).toEqual([false, 2])
})

test('a run that fails fails only those who waited for it', async () => {
  const outcomes = [Promise.reject(new Error('away')), Promise.resolve()]
  const work = oneAtATime(() => outcomes.shift() ?? Promise.resolve())
  const first = work.run()
  const second = work.run()
  await expect(first).rejects.toThrow('away')
  await expect(second).resolves.toBeUndefined()
})
