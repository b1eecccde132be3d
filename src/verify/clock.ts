// What time it is, at least: a clock that is behind must not bring the expired to life nor make an old list
// new, so it is never believed to be earlier than what the authority signed, and goes on from there.

export interface Clock {
  /** Integer seconds. */
  now(): number
  /** Takes notice of a second that the authority signed. */
  observe(signedAt: number): void
  /** Milliseconds that only ever rise. */
  elapsed(): number
}

export interface ClockOptions {
  /** Integer seconds; by default the system's. */
  readonly now?: (() => number) | undefined
  /** Milliseconds that only ever rise; by default the system's. */
  readonly elapsed?: (() => number) | undefined
}

export function createClock(options: ClockOptions): Clock {
  const system = options.now ?? (() => Math.floor(Date.now() / 1000))
  const elapsed = options.elapsed ?? (() => performance.now())
  let signed = { at: 0, since: elapsed() }
  const atLeast = (): number => signed.at + Math.floor((elapsed() - signed.since) / 1000)
  return {
    now: () => Math.max(system(), signed.at === 0 ? 0 : atLeast()),
    observe: (at) => {
      if (at > atLeast()) signed = { at, since: elapsed() }
    },
    elapsed,
  }
}
