// How many grants may hang below one: live children of a grant, and live grants of a root, are capped
// (authority: rule 38). The commit asks, so that callers that race do not pass a cap together.

import { tooManyBelow } from '../core/delegation.ts'
import { rootOf } from '../core/grant.ts'
import { isBelowCap, requireBelowCap } from '../store/grants.ts'
import type { Cap } from '../store/grants.ts'
import { one } from '../store/store.ts'
import type { Write } from '../store/store.ts'
import { excess } from './excess.ts'
import type { Call } from './operation.ts'

const capsOf = ({ context: { settings }, caller, now }: Call): readonly Cap[] => {
  const { grant } = caller.acting
  return [
    { of: 'parent', id: grant.id, now, cap: settings.maxChildren },
    { of: 'root', id: rootOf(grant), now, cap: settings.maxGrantsPerRoot },
  ]
}

/** As conditions of the commit. */
export function requireRoom(call: Call): readonly Write[] {
  const full = excess('parent', [tooManyBelow(call.caller.acting.grant.id)])
  return capsOf(call).map((cap) => requireBelowCap(cap, full))
}

/** The same where it comes to no commit. */
export async function isFull(call: Call): Promise<boolean> {
  for (const cap of capsOf(call)) {
    if ((await one(call.context.store.read(isBelowCap(cap)))) === undefined) return true
  }
  return false
}
