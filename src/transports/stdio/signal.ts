// Waiting for a condition that others change: whoever waits looks again at each `notify`.
export interface Signal {
  notify(): void
  until(condition: () => boolean): Promise<void>
}

/** For one waiter at a time. */
export function createSignal(): Signal {
  let wake: (() => void) | undefined
  return {
    notify: () => wake?.(),
    async until(condition) {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
