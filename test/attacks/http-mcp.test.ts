// MCP's own traps over HTTP: headers that say one thing and bodies another, state that was never issued, and
// two agents whose requests look alike.

import { describe, expect, test } from 'vitest'
import { bearer, overHttp } from '../support/http.ts'
import { callTool, eras, outcomeOf, send } from '../support/mcp-http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

const headerMismatch = -32020
const invalidParams = -32602
const invalidRequest = -32600
const unsupportedVersion = -32022

const reader = { scopes: ['demo:read'] }

test('2026-07-28: what header and body do not agree on is refused, and nothing runs', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { ...reader })
  const tried = async (headers: Record<string, string>, meta?: object) =>
    outcomeOf(
      await callTool(
        http,
        'modern',
        'mint_token',
        { scopes: ['demo:read'] },
        { headers: { ...bearer(text), ...headers }, ...(meta && { meta }) },
      ),
    )
  const version = 'io.modelcontextprotocol/protocolVersion'
  expect({
    'another method': await tried({ 'mcp-method': 'tools/list' }),
    'another tool': await tried({ 'mcp-name': 'whoami' }),
    'a tool in other letters': await tried({ 'mcp-name': 'Mint_Token' }),
    'no method': await tried({ 'mcp-method': '' }),
    'an older version in the header': await tried({ 'mcp-protocol-version': '2025-11-25' }),
    'an older version in the body': await tried({}, { [version]: '2025-11-25' }),
    'no version in the body': await tried({}, { [version]: undefined }),
    'an unknown version in both': await tried(
      { 'mcp-protocol-version': '2099-01-01' },
      { [version]: '2099-01-01' },
    ),
    'capabilities that are none': await tried(
      {},
      { 'io.modelcontextprotocol/clientCapabilities': 1 },
    ),
  }).toEqual({
    'another method': [400, headerMismatch],
    'another tool': [400, headerMismatch],
    'a tool in other letters': [400, headerMismatch],
    'no method': [400, headerMismatch],
    'an older version in the header': [400, headerMismatch],
    'an older version in the body': [400, headerMismatch],
    'no version in the body': [400, invalidParams],
    'an unknown version in both': [400, unsupportedVersion],
    'capabilities that are none': [400, invalidParams],
  })
})

test('the older era: an unknown version, a batch, an answer nobody asked for', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { ...reader })
  const headers = bearer(text)
  const called = await callTool(
    http,
    'legacy',
    'whoami',
    {},
    { headers: { ...headers, 'mcp-protocol-version': '1999-01-01' } },
  )
  expect(called.status).toBe(400)
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami' } }
  const accept = { accept: 'application/json, text/event-stream', ...headers }
  const post = async (body: unknown) => outcomeOf(await http.post('/mcp', body, accept))
  expect({
    batch: await post([call, call]),
    'no batch at all': await post([]),
    'a boolean id': await post({ ...call, id: true }),
    'another JSON-RPC': await post({ ...call, jsonrpc: '1.0' }),
    'no method': await post({ jsonrpc: '2.0', id: 1 }),
  }).toEqual({
    batch: [400, invalidRequest],
    'no batch at all': [400, invalidRequest],
    'a boolean id': [400, invalidRequest],
    'another JSON-RPC': [400, invalidRequest],
    'no method': [400, invalidRequest],
  })
  const unacceptable = { ...accept, accept: 'text/html' }
  expect((await http.post('/mcp', call, unacceptable)).status).toBe(406)
})

describe.each(eras)('%s', (era) => {
  test('a requestState is refused, forged or replayed: Remit never issued one', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { ...reader })
    const headers = bearer(text)
    const requestState = 'eyJmb3JnZWQiOnRydWV9'
    for (const [method, params] of [
      ['tools/call', { name: 'whoami', arguments: {} }],
      ['tools/list', {}],
      ['resources/read', { uri: 'remit://jwks' }],
    ] as const) {
      const [status, code] = outcomeOf(
        await send(http, era, method, { ...params, requestState }, { headers }),
      )
      expect([method, status, code]).toEqual([method, 200, invalidParams])
    }
  })

  test('two agents may use one JSON-RPC id at once: no answer ever crosses', async () => {
    const w = await world()
    const http = await overHttp(w)
    const tokens = [
      await minted(w, w.local, { ...reader }),
      await minted(w, w.admin, { scopes: ['agents:read'] }),
    ]
    const asked = Array.from({ length: 60 }, (_, i) => tokens[i % 2] as (typeof tokens)[number])
    const answers = await Promise.all(
      asked.map(({ text }, i) =>
        // Every third by the way of the SDK.
        callTool(
          http,
          era,
          'whoami',
          {},
          {
            id: 'same',
            headers: bearer(text),
            ...(i % 3 === 0 && { meta: { progressToken: 'same' } }),
          },
        ),
      ),
    )
    const grants = answers.map(({ body }) => {
      const { result, id } = body as {
        id: string
        result: { structuredContent: { grant: { id: string } } }
      }
      return [id, result.structuredContent.grant.id]
    })
    expect(grants).toEqual(asked.map(({ grantId }) => ['same', grantId]))
  })

  test('a session that is named is nobody’s: it neither lets in nor keeps out', async () => {
    const w = await world()
    const http = await overHttp(w)
    const { text } = await minted(w, w.local, { ...reader })
    const session = { 'mcp-session-id': 'stolen' }
    const tried = async (headers: Record<string, string>) =>
      outcomeOf(await callTool(http, era, 'whoami', {}, { headers }))
    expect(await tried({ ...session, ...bearer(text) })).toEqual([200, 'allowed'])
    expect(await tried(session)).toEqual([401, 'invalid_client'])
  })

  test('a secret is delivered as was said, never to a file of this host', async () => {
    const w = await world()
    const http = await overHttp(w)
    const meta = { 'dev.remit/agent_id': w.admin.id, 'dev.remit/agent_secret': w.admin.secret }
    const registering = { name: 'n', description: 'd', owner: 'o', ceiling: ['demo:read'] }
    const tried = async (more: object) =>
      outcomeOf(await callTool(http, era, 'register_agent', { ...registering, ...more }, { meta }))
    expect([
      await tried({}),
      await tried({ delivery: 'file' }),
      await tried({ delivery: 'meta' }),
    ]).toEqual([
      [200, 'invalid_request'],
      [200, 'invalid_request'],
      [200, 'allowed'],
    ])
  })
})

test('sessions of the 2025 revisions are not opened, resumed or ended', async () => {
  const http = await overHttp(await world())
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const answer = await fetch(`${http.url}/mcp`, {
      method,
      headers: { accept: 'text/event-stream' },
    })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  }
})
