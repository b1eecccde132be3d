// `/mcp` speaks both protocol eras, each request for itself.

import { expect, test } from 'vitest'
import { minted } from '../../attacks/attack.ts'
import { bearer, overHttp } from '../../support/http.ts'
import { world } from '../../support/world.ts'

const legacy = { accept: 'application/json, text/event-stream' }

test('the 2025 revisions: a tool is called without a session', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const answer = await http.post(
    '/mcp',
    { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'whoami', arguments: {} } },
    { ...legacy, ...bearer(text) },
  )
  expect(answer).toMatchObject({
    status: 200,
    body: { jsonrpc: '2.0', id: 7, result: { structuredContent: { method: 'token' } } },
  })
  expect(answer.headers.get('mcp-session-id')).toBeNull()
})

test('2026-07-28: a tool is called with its envelope and headers', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const answer = await http.post(
    '/mcp',
    {
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: {
        name: 'whoami',
        arguments: {},
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
          'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
        },
      },
    },
    {
      ...legacy,
      ...bearer(text),
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'whoami',
    },
  )
  expect(answer).toMatchObject({
    status: 200,
    body: { jsonrpc: '2.0', id: 7, result: { structuredContent: { method: 'token' } } },
  })
})
