// update_agent: changes what an agent may be, within the caller's own authority.

import { describe, expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import {
  ask,
  childOf,
  contents,
  expectDryRun,
  expectRepeats,
  operationNamed,
  refuse,
  rootOf,
} from './asking.ts'
import type { As } from './asking.ts'

test.each<[Record<string, unknown>]>([
  [{ description: 'New words.' }],
  [{ owner: 'new team' }],
  [{ ceiling: ['demo:read'] }],
  [{ sensitivity: 'low' }],
  [{ auth_methods: ['secret', 'api_key'] }],
  [{ rotation_days: 3650 }],
])('%j is changed and nothing else', async (change) => {
  const w = await world()
  const { next_rotation_at: _, ...before } = await ask(w, getAgent, { agent: 'local' })
  const after = await ask(w, updateAgent, { agent: 'local', ...change })
  expect(after).toEqual({ ...before, ...change, next_rotation_at: expect.any(Number) })
  expect(await ask(w, getAgent, { agent: w.local.id })).toEqual(after)
})

test('a smaller ceiling binds live grants for good; a larger one widens none', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local, { scopes: ['demo:read', 'demo:write'] })
  const mayWrite = async () =>
    (await ask(w, checkPermission, { permissions: ['demo/x:write'], grant_id })).allowed
  expect(await mayWrite()).toBe(true)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  expect(await mayWrite()).toBe(false)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:*'] })
  expect(await mayWrite()).toBe(false)
  const fresh = await rootOf(w, w.local, { scopes: ['demo:write'] })
  const asked = { permissions: ['demo/x:write'], grant_id: fresh.grant_id }
  expect(await ask(w, checkPermission, asked)).toMatchObject({ allowed: true })
})

test.each<[string, Record<string, unknown>, string]>([
  ['no ceiling', { ceiling: [] }, 'invalid_request'],
  ['a ceiling of nothing registered', { ceiling: ['demo:eat'] }, 'invalid_scope'],
  ['no owner', { owner: '' }, 'invalid_request'],
  ['another name', { name: 'new' }, 'invalid_request'],
  ['a status', { status: 'retired' }, 'invalid_request'],
  ['an unknown method', { auth_methods: ['token'] }, 'invalid_request'],
  ['rotation after ten years', { rotation_days: 3651 }, 'invalid_request'],
])('%s is refused', async (_, change, code) => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, updateAgent, { agent: 'local', ...change })).toMatchObject({ code })
  expect((await contents(w))['agents']).toEqual(before['agents'])
})

test('the computed ceiling cannot be set', async () => {
  const w = await world()
  const asked = { agent: 'admin', ceiling: ['demo:read'] }
  expect(await refuse(w, updateAgent, asked)).toMatchObject({ code: 'conflict' })
})

describe('old and new are covered by the caller’s own authority', () => {
  test.each<[string, string, Record<string, unknown>, string[]]>([
    ['the old ceiling', 'demo:read demo:write', { ceiling: ['demo:read'] }, ['demo:write']],
    ['the new ceiling', 'demo:read', { ceiling: ['demo:*'] }, ['demo:*']],
    ['whatever is changed', 'demo:write', { description: 'x' }, ['demo:write']],
  ])('%s', async (_, ceiling, change, missing) => {
    const w = await world()
    const clerk = await w.addAgent('clerk', 'agents:update demo:read')
    await w.addAgent('target', ceiling)
    expect(await refuse(w, updateAgent, { agent: 'target', ...change }, clerk)).toMatchObject({
      code: 'exceeds_ceiling',
      missing,
      missing_at: clerk.id,
    })
  })
})

describe.each([
  ['update_agent', 'update', { owner: 'x' }],
  ['set_agent_status', 'suspend', { status: 'suspended', cause: 'x' }],
])('the agent meant by %s', (name, verb, change) => {
  const operation = operationNamed(name)
  const refused = async (agent: string, as: As, w: World) => {
    const { message, ...error } = await refuse(w, operation, { agent, ...change }, as)
    expect(message).not.toContain('target')
    return error
  }

  test('is told alike whether it exists or not, to who lacks the permission', async () => {
    const w = await world()
    const { id } = await w.addAgent('target', 'demo:read')
    const clerk = await w.addAgent('clerk', `agents/some:${verb}`)
    for (const as of [clerk, w.local]) {
      const wanted = (name: string) => ({
        code: 'insufficient_scope',
        missing: [`agents/${name}:${verb}`],
        missing_at: as.id,
      })
      const known = await refused('target', as, w)
      const unknown = await refused('nobody', as, w)
      expect(known).toMatchObject(wanted('target'))
      expect(unknown).toMatchObject(wanted('nobody'))
      expect(JSON.stringify(known).replaceAll('target', 'nobody')).toBe(JSON.stringify(unknown))
      const byId = await refused(id, as, w)
      expect(byId).toMatchObject({ missing: [`agents:${verb}`] })
      expect(byId).toEqual(await refused(w.context.newId('agt'), as, w))
    }
  })

  test('is not found where there is none, or in another organisation', async () => {
    const w = await world()
    const { admin } = await w.addOrg('other')
    for (const agent of ['nobody', admin.id, w.context.newId('agt')]) {
      expect(await refused(agent, w.admin, w)).toMatchObject({ code: 'not_found' })
    }
  })

  test('is not changed under a delegated grant', async () => {
    const w = await world()
    await w.addAgent('target', 'demo:read')
    const scopes = [`agents:${verb}`, 'demo:*', 'tokens:delegate']
    const child = await childOf(w, w.admin, { scopes })
    expect(await refused('target', child.presented, w)).toMatchObject({
      code: 'exceeds_parent',
      missing_at: child.grant_id,
    })
  })
})

test('a permission may be for one agent', async () => {
  const w = await world()
  const clerk = await w.addAgent('clerk', 'agents/local:update demo:* tokens:delegate')
  const asked = { agent: w.local.id, owner: 'x' }
  expect(await ask(w, updateAgent, asked, clerk)).toMatchObject({ owner: 'x' })
})

test('a dry run changes nothing', async () => {
  const w = await world()
  const asked = { agent: 'local', ceiling: ['demo:read'] }
  const { dry, real } = await expectDryRun(w, updateAgent, asked)
  expect(dry).toEqual({ ...real, dry_run: true })
})

test('a repeat answers the same', async () => {
  const w = await world()
  await expectRepeats(w, updateAgent, { agent: 'local', owner: 'x' }, { owner: 'y' })
})
