// A clock that went back would bring the expired to life. More than a minute behind what was committed
// before, nothing is answered.

import { Refusal } from '../core/refusal.ts'
import type { Context } from './context.ts'

const tolerance = 60

/** Refuses every call while the clock is behind the newest committed time (authority: rule 17). */
export function assertClock({ live, now }: Context): void {
  if (now() + tolerance >= live.committedAt) return
  throw new Refusal('unavailable', {
    message: 'The clock is behind what was committed before.',
    remedy: { text: 'The operator should set the clock of this host right.' },
  })
}
