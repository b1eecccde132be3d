// Calls of operations that there are not: they are calls like any other, told to nobody unknown, and found in
// the audit without the name that was asked for.

import { expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import { eventsOf, findingsOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const call = async (w: World, as: Presented, name: string, args: object = {}) => {
  const result = await operationSurface(w.context, as).callTool(name, { ...args }, { meta: {} })
  return result.structuredContent['error'] as { code: string; decision_id?: string }
}

test('whoever is known is refused, and the refusal is in the audit', async () => {
  const w = await world()
  const { code, decision_id } = await call(w, w.local.presented, 'drop_all_tables')
  expect([code, decision_id]).toEqual(['unknown_operation', expect.stringMatching(/^evt_/)])
  const events = await eventsOf(w)
  const event = events.find(({ id }) => id === decision_id)
  expect(event).toMatchObject({ operation: 'unknown_operation', outcome: 'refused' })
  expect(JSON.stringify(event)).toContain(w.local.id)
  expect(JSON.stringify(events)).not.toContain('drop_all_tables')
})

test.each<[string, Presented, string]>([
  ['nobody', { kind: 'nothing' }, 'invalid_client'],
  ['a wrong token', { kind: 'token', presentedToken: 'x' }, 'invalid_token'],
])('%s learns nothing of which names there are', async (_, as, code) => {
  const w = await world()
  const [unknown, known] = [await call(w, as, 'nonsense'), await call(w, as, 'list_agents')]
  expect([unknown.code, known.code]).toEqual([code, code])
})

test('a secret among its arguments is a finding', async () => {
  const w = await world()
  const secret = newSecret('api_key').reveal()
  expect((await call(w, w.local.presented, 'nonsense', { secret })).code).toBe('invalid_request')
  expect(await findingsOf(w)).toContain('secret_in_argument')
})
