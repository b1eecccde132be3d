// Work that must not overlap itself, where it takes time: who asks while it runs waits for one more run,
// which sees what the running one may have missed. Work that is done at once just runs.

import type { Soon } from '../store/store.ts'

export interface OneAtATime {
  run(): Soon<void>
  /** Whether a run is under way that a newcomer has to wait for. */
  isRunning(): boolean
}

export function oneAtATime(work: () => Soon<void>): OneAtATime {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  function run(): Soon<void> {
    if (running !== undefined) {
      next ??= running.then(again, again)
      return next
    }
    const started = work()
    if (!(started instanceof Promise)) return
    running = started.finally(() => {
      running = undefined
    })
    return running
  }

  async function again(): Promise<void> {
    next = undefined
    await run()
  }

  return { run, isRunning: () => running !== undefined || next !== undefined }
}
