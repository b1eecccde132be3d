// What ends with the test that made it or, where several tests use it, with the last of them.

import { AsyncLocalStorage } from 'node:async_hooks'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

type End = () => unknown

const sharing = new AsyncLocalStorage<End[]>()

/** Has this done when whatever is being made is used no more; what was made last ends first. */
export function whenOver(end: End): void {
  const ends = sharing.getStore()
  if (ends === undefined) onTestFinished(async () => void (await end()))
  else ends.push(end)
}

/** Made once for all tests of a file, or of a `describe`; to be asked for by each. */
export function shared<T>(make: () => Promise<T>): () => T {
  const ends: End[] = []
  let made: T
  beforeAll(async () => {
    made = await sharing.run(ends, make)
  })
  afterAll(async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  })
  return () => made
}
