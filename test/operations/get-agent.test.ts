// get_agent: one agent, by id or name.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf, whoami } from './asking.ts'

test('the whole record, by name and by id', async () => {
  const w = await world()
  const record = {
    id: w.local.id,
    name: 'local',
    description: expect.any(String),
    owner: expect.any(String),
    ceiling: ['demo:*', 'tokens:delegate'],
    sensitivity: 'normal',
    status: 'active',
    auth_methods: ['secret', 'api_key', 'client_assertion', 'x509'],
    rotation_days: 30,
    last_rotated_at: w.now(),
    next_rotation_at: w.now() + 30 * 86_400,
    last_used_at: null,
    credentials: { active: 1, retiring: 0 },
    created_at: w.now(),
  }
  expect(await ask(w, getAgent, { agent: 'local' })).toEqual(record)
  expect(await ask(w, getAgent, { agent: w.local.id })).toEqual(record)
})

test('the ceiling of the administrator follows what is registered', async () => {
  const w = await world()
  await w.addType('articles', ['read', 'write'])
  const { ceiling } = await ask(w, getAgent, { agent: 'admin' })
  expect(ceiling).toEqual(expect.arrayContaining(['articles:*', 'demo:*', 'agents:*']))
})

test('credentials are counted, and the oldest active one is due first', async () => {
  const w = await world()
  const begun = w.now()
  await ask(w, whoami, {}, w.local)
  w.pass(1000)
  await ask(w, addCredential, { agent: 'local', kind: 'secret' })
  expect(await ask(w, getAgent, { agent: 'local' })).toMatchObject({
    credentials: { active: 2, retiring: 0 },
    last_rotated_at: begun,
    last_used_at: begun,
  })
  await ask(w, rotateCredential, {}, w.local)
  expect(await ask(w, getAgent, { agent: 'local' })).toMatchObject({
    credentials: { active: 2, retiring: 1 },
    last_rotated_at: w.now(),
    next_rotation_at: w.now() + 30 * 86_400,
    last_used_at: w.now(),
  })
})

test('one’s own needs no permission, by token too; whom one delegated to is not one’s own', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const { presented } = await rootOf(w, w.local)
  const child = await childOf(w, presented, { to: 'helper', scopes: ['demo:read'] })
  expect(await ask(w, getAgent, { agent: 'local' }, presented)).toMatchObject({ name: 'local' })
  const asked = { agent: 'helper', act_as: child.grant_id }
  expect(await refuse(w, getAgent, asked, w.local)).toMatchObject({ code: 'not_found' })
  const own = await rootOf(w, helper, { scopes: ['demo:read'] })
  expect(await ask(w, getAgent, { agent: 'helper' }, own.presented)).toMatchObject({
    id: helper.id,
  })
})

test('others need agents:read, and answer as unknown ones without it', async () => {
  const w = await world()
  const reader = await w.addAgent('reader', 'agents/local:read')
  const { admin } = await w.addOrg('other')
  expect(await ask(w, getAgent, { agent: 'local' }, reader)).toMatchObject({ id: w.local.id })
  const unknown = await refuse(w, getAgent, { agent: 'nobody' }, reader)
  expect(unknown.code).toBe('not_found')
  for (const agent of ['admin', w.admin.id, admin.id]) {
    expect(await refuse(w, getAgent, { agent }, reader)).toEqual(unknown)
  }
  expect(await refuse(w, getAgent, { agent: w.local.id }, admin)).toEqual(unknown)
})

test.each([{}, { agent: 'No Name' }, { agent: 'local', dry_run: true }])(
  '%j is malformed',
  async (asked) => {
    const w = await world()
    expect(await refuse(w, getAgent, asked)).toMatchObject({ code: 'invalid_request' })
  },
)
