// Whether this process could answer a call now: what every call asks before anything else, and the store.

import { assertClock } from '../authority/clock.ts'
import type { Context } from '../authority/context.ts'
import { assertRegistered } from '../authority/registration.ts'
import { newestHeadTime } from '../store/audit.ts'

export interface Readiness {
  readonly store: boolean
  readonly registration: boolean
  readonly clock: boolean
  readonly audit: boolean
}

/** Never rejects. */
export async function readiness(context: Context): Promise<Readiness> {
  const { store, live, audit } = context
  return {
    store: await passes(async () => {
      await live.refresh()
      await store.read(newestHeadTime)
    }),
    registration: await passes(() => assertRegistered(context)),
    clock: await passes(() => assertClock(context)),
    audit: await passes(() => audit.assertWritable()),
  }
}

async function passes(check: () => void | Promise<void>): Promise<boolean> {
  try {
    await check()
    return true
  } catch {
    return false
  }
}
