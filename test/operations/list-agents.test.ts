// list_agents: the agents that the caller may read, oldest first.

import { expect, test } from 'vitest'
import { getAgent } from '../../src/operations/get-agent.ts'
import { listAgents } from '../../src/operations/list-agents.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { world } from '../support/world.ts'
import { ask, refuse, rootOf, whoami } from './asking.ts'

const day = 86_400

async function planted() {
  const w = await world()
  await w.addAgent('one', 'demo:read', { owner: 'team', rotationDays: 7 })
  await w.addAgent('two', 'demo:read', { owner: 'team', rotationDays: 90 })
  const names = async (
    asked: Record<string, unknown> = {},
    as: Parameters<typeof ask>[3] = w.admin,
  ) => (await ask(w, listAgents, asked, as)).agents.map(({ name }) => name)
  return { w, names }
}

test('each agent is as get_agent shows it', async () => {
  const { w } = await planted()
  const { agents } = await ask(w, listAgents)
  const shown = []
  for (const { id } of agents) shown.push(await ask(w, getAgent, { agent: id }))
  expect(agents).toEqual(shown)
  expect(agents.map(({ name }) => name)).toEqual(['admin', 'local', 'one', 'two'])
})

test('arguments select', async () => {
  const { w, names } = await planted()
  await ask(w, setAgentStatus, { agent: 'two', status: 'suspended', cause: 'test' })
  expect(await names({ status: 'suspended' })).toEqual(['two'])
  expect(await names({ status: 'active' })).toEqual(['admin', 'local', 'one'])
  expect(await names({ owner: 'team' })).toEqual(['one', 'two'])
  expect(await names({ owner: 'tea' })).toEqual([])
  expect(await names({ due_within_days: 6 })).toEqual([])
  expect(await names({ due_within_days: 7 })).toEqual(['one'])
  w.pass(8 * day)
  expect(await names({ due_within_days: 0 })).toEqual(['one'])
  expect(await names({ due_within_days: 0, status: 'suspended' })).toEqual([])
})

test('stale are those not seen for so many days', async () => {
  const { w, names } = await planted()
  w.pass(10 * day)
  await ask(w, whoami, {}, w.local)
  w.pass(5 * day)
  expect(await names({ stale_days: 15 })).toEqual(['one', 'two'])
  expect(await names({ stale_days: 5 })).toEqual(['local', 'one', 'two'])
  expect(await names({ stale_days: 16 })).toEqual([])
})

test('a retired agent is due for nothing', async () => {
  const { w, names } = await planted()
  w.pass(8 * day)
  await ask(w, setAgentStatus, { agent: 'one', status: 'retired', cause: 'test' })
  expect(await names({ due_within_days: 0 })).toEqual([])
})

test('cursors page through all of them once', async () => {
  const { w, names } = await planted()
  const all = await names()
  for (const limit of [1, 2, 3, 4]) {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const page = await ask(w, listAgents, { limit, ...(cursor !== undefined && { cursor }) })
      found.push(...page.agents.map(({ name }) => name))
      cursor = page.next_cursor
    } while (cursor !== undefined && found.length < 9)
    expect(found).toEqual(all)
  }
})

test('a hundred are listed by default', async () => {
  const w = await world()
  for (let i = 0; i < 99; i++) await w.addAgent(`n${i}`, 'demo:read')
  const page = await ask(w, listAgents)
  expect(page.agents).toHaveLength(100)
  const { agents } = await ask(w, listAgents, { cursor: page.next_cursor })
  expect(agents.map(({ name }) => name)).toEqual(['n98'])
})

test('one sees oneself, whom one may read, and nobody elsewhere', async () => {
  const { w, names } = await planted()
  const reader = await w.addAgent('reader', 'agents/one:read')
  const { admin } = await w.addOrg('other')
  expect(await names({}, w.local)).toEqual(['local'])
  expect(await names({}, reader)).toEqual(['one', 'reader'])
  expect(await names({}, admin)).toEqual(['admin'])
  const { presented } = await rootOf(w, w.local)
  expect(await names({}, presented)).toEqual(['local'])
})

test.each([{ limit: 0 }, { limit: 1001 }, { status: 'dead' }, { stale_days: -1 }, { cursor: 'x' }])(
  '%j is malformed',
  async (asked) => {
    const w = await world()
    expect(await refuse(w, listAgents, asked)).toMatchObject({ code: 'invalid_request' })
  },
)
