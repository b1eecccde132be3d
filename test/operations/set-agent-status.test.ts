// set_agent_status: suspending ends every grant of an agent for good; retired is final.

import { describe, expect, test } from 'vitest'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { world } from '../support/world.ts'
import { ask, childOf, expectDryRun, expectRepeats, refuse, rootOf, whoami } from './asking.ts'

const cause = 'test'

test('a suspended agent can do nothing, and its grants and all below are dead', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:* tokens:delegate')
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented, { to: 'helper' })
  const below = await childOf(w, child.presented, { to: 'local', scopes: ['demo:read'] })
  const asked = { agent: 'helper', status: 'suspended', cause }
  expect(await ask(w, setAgentStatus, asked)).toEqual({ status: 'suspended' })
  for (const as of [helper, child.presented, below.presented]) {
    expect(await refuse(w, whoami, {}, as)).toMatchObject({ code: 'agent_suspended' })
  }
  expect(await ask(w, whoami, {}, root.presented)).toMatchObject({ agent: { name: 'local' } })
})

test('reactivating lets it start anew and revives no grant', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const standing = (await ask(w, whoami, {}, w.local)) as { grant: { id: string } }
  await ask(w, setAgentStatus, { agent: 'local', status: 'suspended', cause })
  const active = { agent: 'local', status: 'active', cause }
  expect(await ask(w, setAgentStatus, active)).toEqual({ status: 'active' })
  expect(await refuse(w, whoami, {}, root.presented)).toMatchObject({ code: 'invalid_token' })
  const fresh = (await ask(w, whoami, {}, w.local)) as { grant: { id: string } }
  expect(fresh.grant.id).not.toBe(standing.grant.id)
})

test('retired is final', async () => {
  const w = await world()
  await ask(w, setAgentStatus, { agent: 'local', status: 'retired', cause })
  for (const status of ['active', 'suspended']) {
    expect(await refuse(w, setAgentStatus, { agent: 'local', status, cause })).toMatchObject({
      code: 'conflict',
    })
  }
  const again = { agent: 'local', status: 'retired', cause }
  expect(await ask(w, setAgentStatus, again)).toEqual({ status: 'retired' })
})

test('count tells how many grants end', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  await childOf(w, root.presented, { scopes: ['demo:read'] })
  const suspended = { agent: 'local', status: 'suspended', cause, count: true }
  expect(await ask(w, setAgentStatus, suspended)).toEqual({
    status: 'suspended',
    grants_affected: 3,
  })
  expect(await ask(w, setAgentStatus, suspended)).toMatchObject({ grants_affected: 0 })
})

test('the last active administrator cannot be shut out', async () => {
  const w = await world()
  for (const status of ['suspended', 'retired']) {
    const asked = { agent: 'admin', status, cause }
    expect(await refuse(w, setAgentStatus, asked)).toMatchObject({ code: 'conflict' })
  }
  await w.addAgent('second', '', { computedCeiling: true })
  const asked = { agent: 'admin', status: 'suspended', cause }
  expect(await ask(w, setAgentStatus, asked)).toEqual({ status: 'suspended' })
})

describe('a stronger agent', () => {
  test('may be suspended', async () => {
    const w = await world()
    const warden = await w.addAgent('warden', 'agents:suspend')
    const asked = { agent: 'local', status: 'suspended', cause }
    expect(await ask(w, setAgentStatus, asked, warden)).toEqual({ status: 'suspended' })
  })

  test.each(['active', 'retired'])('is not set to %s', async (status) => {
    const w = await world()
    const warden = await w.addAgent('warden', 'agents:suspend')
    const asked = { agent: 'local', status, cause }
    expect(await refuse(w, setAgentStatus, asked, warden)).toMatchObject({
      code: 'exceeds_ceiling',
      missing: ['demo:*', 'tokens:delegate'],
      missing_at: warden.id,
    })
  })
})

test.each<Record<string, unknown>>([
  { agent: 'local', status: 'suspended' },
  { agent: 'local', status: 'dead', cause },
  { agent: 'local', cause },
  { status: 'suspended', cause },
  { agent: 'local', status: 'suspended', cause: '' },
])('%j is malformed', async (asked) => {
  const w = await world()
  expect(await refuse(w, setAgentStatus, asked)).toMatchObject({ code: 'invalid_request' })
})

test('a dry run counts and changes nothing', async () => {
  const w = await world()
  await rootOf(w, w.local)
  const asked = { agent: 'local', status: 'suspended', cause }
  const { dry } = await expectDryRun(w, setAgentStatus, asked)
  expect(dry).toEqual({ status: 'suspended', grants_affected: 2, dry_run: true })
})

test('a repeat answers the same', async () => {
  const w = await world()
  const asked = { agent: 'local', status: 'suspended', cause, count: true }
  await expectRepeats(w, setAgentStatus, asked, { cause: 'other' })
})
