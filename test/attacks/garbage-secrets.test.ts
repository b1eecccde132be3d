// Authority, rule 11: only a secret that the keyed hash finds ever reaches argon2id, so that garbage
// cannot fill its queue and keep everyone else out.

import { expect, test } from 'vitest'
import type { Context } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { enters } from './attack.ts'

/** A process that counts what it is made to verify, slowly. */
function counting(w: World): { context: Context; verified: () => number } {
  let verified = 0
  const { hashing } = w.context
  const context: Context = {
    ...w.context,
    hashing: {
      ...hashing,
      verify: (hash, secret) => {
        verified += 1
        return hashing.verify(hash, secret)
      },
    },
  }
  return { context, verified: () => verified }
}

const garbage = (w: World): readonly Presented[] => {
  const agentId = w.local.id
  const well = () => newSecret('agent_secret').reveal()
  return [
    { kind: 'secret', agentId, presentedSecret: '' },
    { kind: 'secret', agentId, presentedSecret: 'password' },
    { kind: 'secret', agentId, presentedSecret: `${w.local.secret}x` },
    { kind: 'secret', agentId, presentedSecret: w.local.secret.slice(0, -1) },
    { kind: 'secret', agentId, presentedSecret: w.local.secret.toUpperCase() },
    { kind: 'secret', agentId, presentedSecret: well() },
    { kind: 'secret', agentId: 'agt_00000000000000000000000zzz', presentedSecret: well() },
    { kind: 'secret', agentId, presentedSecret: w.admin.secret },
    { kind: 'api_key', presentedSecret: newSecret('api_key').reveal() },
    { kind: 'token', presentedToken: newSecret('opaque_token').reveal() },
  ]
}

test('five hundred well-formed secrets that nobody has reach argon2id not once', async () => {
  const w = await world()
  const { context, verified } = counting(w)
  const answers = await Promise.all(
    Array.from({ length: 500 }, () => {
      const presentedSecret = newSecret('agent_secret').reveal()
      return enters(w, { kind: 'secret', agentId: w.local.id, presentedSecret }, { in: context })
    }),
  )
  expect(new Set(answers)).toEqual(new Set(['invalid_client']))
  expect(verified()).toBe(0)
  expect(await enters(w, w.local, { in: context })).toBe('allowed')
  expect(verified()).toBe(1)
})

test('malformed, misdirected and foreign secrets do not reach it either', async () => {
  const w = await world()
  const { context, verified } = counting(w)
  for (const as of garbage(w)) expect(await enters(w, as, { in: context })).not.toBe('allowed')
  expect(verified()).toBe(0)
})

test('a hash whose queue is full keeps out nobody who was confirmed before', async () => {
  const w = await world()
  const { context, verified } = counting(w)
  for (let i = 0; i < 10; i++) expect(await enters(w, w.local, { in: context })).toBe('allowed')
  expect(verified()).toBe(1)
})
