// The deny-list as verifiers fetch it: signed under a key of its own (authority: rule 22), at most once a
// second however many ask, whole or as what is newer than a version.

import type { DenyList } from '../core/deny-list.ts'
import { maxDenyListLength } from '../core/deny-list.ts'
import { signOwnJwt } from '../crypto/own-jwt.ts'
import { assertClock } from './clock.ts'
import type { Context } from './context.ts'
import { denyList, markOf } from './deny-list.ts'
import { ensureSigningKey } from './ensure-signing-key.ts'
import type { LiveState } from './live.ts'
import { assertRegistered } from './registration.ts'

interface Made {
  readonly second: number
  readonly made: ReturnType<typeof denyList>
  readonly signed: Map<number | undefined, Promise<string>>
}

const present = new WeakMap<LiveState, Made>()

/** How many deltas are kept within a second; verifiers that fell behind further get the whole list. */
const mostDeltas = 64

/**
 * The list as a compact JWS; with `since` only what is newer, where that version is known here. Refuses as
 * `unavailable` where this server may not answer.
 */
export async function signedDenyList(context: Context, since?: number): Promise<string> {
  const { live, now } = context
  await live.refresh()
  assertClock(context)
  assertRegistered(context)
  await ensureSigningKey(context, 'deny_list')
  const second = now()
  let found = present.get(live)
  if (found?.second !== second) {
    found = { second, made: denyList(context), signed: new Map() }
    present.set(live, found)
    found.made.catch(() => present.delete(live))
  }
  const { made, signed } = found
  const wanted = signed.size < mostDeltas || signed.has(since) ? since : undefined
  const known = signed.get(wanted)
  if (known !== undefined) return known
  // Kept before it is there: whoever asks meanwhile waits for the same one.
  const fresh = made.then((list) => sign(context, list, wanted))
  signed.set(wanted, fresh)
  return fresh
}

async function sign(
  context: Context,
  { list, unsettled }: Awaited<ReturnType<typeof denyList>>,
  since: number | undefined,
): Promise<string> {
  const mark =
    since === undefined || since > list.version ? undefined : await markOf(context, since)
  const told: DenyList =
    since === undefined || mark === undefined
      ? list
      : {
          ...list,
          since: { version: since, mark },
          entries: list.entries.filter((entry) => entry.seq > since || unsettled.has(entry)),
        }
  return signOwnJwt(context.ring.signer('deny_list').signer, told, maxDenyListLength)
}
