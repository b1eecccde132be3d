// A grant as it is now, derived anew whenever anything changed or time has passed.

import { describe, expect, test } from 'vitest'
import { deadRefusal, grantState } from '../../src/authority/grant-state.ts'
import type { GrantState } from '../../src/authority/grant-state.ts'
import { effectiveScopes } from '../../src/core/authority.ts'
import type { Liveness } from '../../src/core/liveness.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { ask, childOf, rootOf } from '../operations/asking.ts'
import { grant } from '../support/state.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const stateOf = async (w: World, id: string) => grantState(w.context.live, id, w.now())

test('its chain is root first, itself last', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented)
  const state = await stateOf(w, child.grant_id)
  expect(state?.chain.map(({ id }) => id)).toEqual([root.grant_id, child.grant_id])
  expect(state).toMatchObject({ grant: { id: child.grant_id }, liveness: { live: true } })
})

test('it is kept while nothing changed, and derived anew after', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local)
  const first = await stateOf(w, grant_id)
  expect(await stateOf(w, grant_id)).toBe(first)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  const second = await stateOf(w, grant_id)
  expect(second).not.toBe(first)
  expect(second && effectiveScopes(second.authority).map(({ text }) => text)).toEqual(['demo:read'])
  await ask(w, revokeToken, { grant_id, cause: 'test' })
  expect((await stateOf(w, grant_id))?.liveness).toMatchObject({ live: false, reason: 'revoked' })
})

test('time alone ends it, an ancestor’s too', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { ttl_seconds: 100 })
  const child = await childOf(w, root.presented)
  w.pass(99)
  expect((await stateOf(w, child.grant_id))?.liveness).toEqual({ live: true })
  w.pass(1)
  expect((await stateOf(w, child.grant_id))?.liveness).toMatchObject({
    live: false,
    code: 'ancestor_revoked',
    at: root.grant_id,
  })
})

describe('what cannot be read is no grant', () => {
  test.each([
    ['unknown', () => undefined],
    [
      'damaged',
      (w: World, id: string) => w.tamper(`update grants set scopes = 'x' where id = ?`, id),
    ],
    ['gone', (w: World, id: string) => w.tamper(`delete from grants where id = ?`, id)],
  ])('an ancestor that is %s makes the chain so', async (what, damage) => {
    const w = await world()
    const root = await rootOf(w, w.local)
    const child = await childOf(w, root.presented)
    damage(w, root.grant_id)
    const live = (await w.startProcess()).live
    const id = what === 'unknown' ? w.context.newId('grt') : child.grant_id
    expect(await grantState(live, id, w.now())).toBeUndefined()
  })
})

describe('why it is dead is told', () => {
  const own = grant({ id: 'grt_2', agentId: 'agt_2' })
  const state = (liveness: Liveness) => ({ grant: own, liveness }) as unknown as GrantState
  const dead = { live: false as const }

  test.each<[Liveness, { code: string; at: string; message: RegExp }]>([
    [
      { ...dead, code: 'invalid_token', at: 'grt_2', reason: 'expired' },
      { code: 'invalid_token', at: 'grt_2', message: /expired/ },
    ],
    [
      { ...dead, code: 'ancestor_revoked', at: 'grt_1', reason: 'revoked' },
      { code: 'ancestor_revoked', at: 'grt_2', message: /revoked/ },
    ],
    [
      { ...dead, code: 'invalid_token', at: 'grt_2', reason: 'credential' },
      { code: 'invalid_token', at: 'grt_2', message: /credential/ },
    ],
    [
      { ...dead, code: 'agent_suspended', at: 'agt_2', reason: 'agent' },
      { code: 'agent_suspended', at: 'agt_2', message: /agent/ },
    ],
    [
      { ...dead, code: 'agent_suspended', at: 'agt_1', reason: 'agent' },
      { code: 'agent_suspended', at: 'grt_2', message: /agent/ },
    ],
  ])('%j', (liveness, { code, at, message }) => {
    const refusal = deadRefusal('grt_2', state(liveness)).toError()
    expect(refusal).toMatchObject({ code, missing_at: at, message: expect.stringMatching(message) })
    expect(refusal.remedy?.text).not.toBe('')
    expect(JSON.stringify(refusal)).not.toMatch(/grt_1|agt_1/)
  })

  test('of what is unknown only that it is not live', () => {
    expect(deadRefusal('grt_2', undefined).toError()).toMatchObject({ code: 'invalid_token' })
  })
})
