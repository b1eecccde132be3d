// list_mcp_servers: the MCP servers that registered here.

import { expect, test } from 'vitest'
import { listMcpServers } from '../../src/operations/list-mcp-servers.ts'
import { putServer } from '../../src/store/servers.ts'
import { world } from '../support/world.ts'
import { ask, refuse } from './asking.ts'

test('each with its status, tools and when it was last seen', async () => {
  const w = await world()
  const tools = [{ name: 'createIssue', scope_name: 'create_issue' }, { name: 'read' }]
  const server = {
    id: w.context.newId('srv'),
    orgId: w.orgId,
    name: 'issues',
    version: '2',
    status: 'pending' as const,
    tools,
    createdAt: w.now(),
    recordVersion: 1,
  }
  await w.write([putServer(server)])
  const own = {
    id: w.serverId,
    name: 'remit',
    version: '1',
    status: 'active',
    tools: [],
    registered_at: w.now(),
    last_seen_at: w.now(),
    created_at: w.now(),
  }
  const other = {
    id: server.id,
    name: 'issues',
    version: '2',
    status: 'pending',
    tools,
    last_seen_at: null,
    created_at: w.now(),
  }
  expect(await ask(w, listMcpServers)).toEqual({ servers: [own, other] })
  expect(await ask(w, listMcpServers, { status: 'active' })).toEqual({ servers: [own] })
  expect(await ask(w, listMcpServers, { status: 'pending' })).toEqual({ servers: [other] })
  expect(await ask(w, listMcpServers, { status: 'revoked' })).toEqual({ servers: [] })
  expect(await refuse(w, listMcpServers, { status: 'gone' })).toMatchObject({
    code: 'invalid_request',
  })
})

test('it needs servers:read, of the first organisation', async () => {
  const w = await world()
  expect(await refuse(w, listMcpServers, {}, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['servers:read'],
  })
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, listMcpServers, {}, admin)).toMatchObject({ code: 'insufficient_scope' })
})
