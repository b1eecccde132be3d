import { describe, expect, it } from 'vitest'

import { createTurnstile } from '../../src/crypto/turnstile.ts'

/** Work that starts when let in and ends when told. */
function scene(concurrency: number, depth: number) {
  const inTurn = createTurnstile(concurrency, depth)
  const started: string[] = []
  const ends = new Map<string, PromiseWithResolvers>()
  const come = (name: string) =>
    inTurn(() => {
      started.push(name)
      return new Promise<string>((resolve, reject) => {
        ends.set(name, { resolve: () => resolve(name), reject })
      })
    })
  return {
    started,
    come,
    leave: (name: string) => ends.get(name)?.resolve(),
    fail: (name: string) => ends.get(name)?.reject(new Error(`${name} failed`)),
  }
}

interface PromiseWithResolvers {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const refused = { name: 'Refusal', code: 'rate_limited' }

describe('a turnstile', () => {
  it('lets so many in at once and the rest in order', async () => {
    const { come, leave, started } = scene(2, 2)
    const answers = ['a', 'b', 'c', 'd'].map(come)
    expect(started).toEqual(['a', 'b'])
    leave('b')
    expect(await answers[1]).toBe('b')
    expect(started).toEqual(['a', 'b', 'c'])
    leave('a')
    expect(await answers[0]).toBe('a')
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    leave('d')
    leave('c')
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('turns away who finds the line full, and takes the next once there is room', async () => {
    const { come, leave, started } = scene(1, 1)
    const first = come('a')
    const second = come('b')
    await expect(come('c')).rejects.toMatchObject(refused)
    leave('a')
    await first
    const third = come('d')
    await expect(come('e')).rejects.toMatchObject(refused)
    leave('b')
    await second
    leave('d')
    expect(await third).toBe('d')
    expect(started).toEqual(['a', 'b', 'd'])
  })

  it('gives the place of one that failed to the next', async () => {
    const { come, fail, leave, started } = scene(1, 1)
    const first = come('a')
    const second = come('b')
    fail('a')
    await expect(first).rejects.toThrow('a failed')
    expect(started).toEqual(['a', 'b'])
    leave('b')
    expect(await second).toBe('b')
    const third = come('c')
    leave('c')
    expect(await third).toBe('c')
  })

  it('without a line turns away everyone who cannot enter at once', async () => {
    const { come, leave } = scene(1, 0)
    const first = come('a')
    await expect(come('b')).rejects.toMatchObject(refused)
    leave('a')
    expect(await first).toBe('a')
  })
})
