// The key of a purpose that is younger than the store: made when it is first needed.

import { Refusal } from '../core/refusal.ts'
import { putSigningKey } from '../store/signing-keys.ts'
import type { Context } from './context.ts'
import { madeEvent } from './first-records.ts'
import type { KeyPurpose } from './key-ring.ts'
import { newSigningKey } from './new-signing-key.ts'

/**
 * Sees to it that a purpose has its key, also in a store that was made before the purpose was. Two
 * processes may each make one: both verify, and the newer signs.
 */
export async function ensureSigningKey(context: Context, purpose: KeyPurpose): Promise<void> {
  const { live, committer, now, self } = context
  const has = () =>
    [...live.signingKeys.values()].some((key) => key.purpose === purpose && key.status === 'active')
  if (has()) return
  const key = newSigningKey({ ...context, now: now() }, purpose)
  const made = madeEvent({ ...context, now: now() }, self.orgId, self.serverId, 'make_signing_key')
  await committer.submit({ writes: [putSigningKey(key)], events: [made('signing_key', key.id)] })
  if (!has()) throw new Refusal('unavailable')
}
