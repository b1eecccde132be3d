// A store has a key of each purpose from its first commit on; one that is older than a purpose makes that
// purpose's key when it is first needed.

import { expect, test } from 'vitest'
import { ensureSigningKey } from '../../src/authority/ensure-signing-key.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { keyPurposes } from '../../src/store/signing-keys.ts'
import { lastEvent } from '../operations/asking.ts'
import { world } from '../support/world.ts'

const younger = ['authentication', 'delivery', 'deny_list'] as const

test('the key set of the first moment has the key of everything that is signed later', async () => {
  const w = await world()
  const pinned = await publicKeys(w.context)
  for (const purpose of keyPurposes) await ensureSigningKey(w.context, purpose)
  expect(await publicKeys(w.context)).toEqual(pinned)
  expect(Object.values(pinned).map((keys) => keys.length)).toEqual([1, 1, 1, 1])
})

test('a store that is older than a purpose makes its key once, and says so', async () => {
  const w = await world()
  w.tamper(`delete from signing_keys where purpose not in ('access_token', 'checkpoint')`)
  const older = await w.startProcess()
  const purposes = () => [...older.live.signingKeys.values()].map(({ purpose }) => purpose)
  expect(purposes().toSorted()).toEqual(['access_token', 'checkpoint'])
  for (const purpose of [...younger, ...younger]) await ensureSigningKey(older, purpose)
  expect(purposes().toSorted()).toEqual(keyPurposes.toSorted())
  expect(await lastEvent(w)).toMatchObject({ operation: 'make_signing_key', outcome: 'allowed' })
})
