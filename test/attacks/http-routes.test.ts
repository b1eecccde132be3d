// Addresses and schemes that are none of ours, but could be taken for one: names that every object has, and
// other spellings of a path.

import { expect, test } from 'vitest'
import { overHttp } from '../support/http.ts'
import { send } from '../support/mcp-http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

const namesOfObjects = ['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf']

test.each(namesOfObjects)('%s is no path, and no operation', async (name) => {
  const http = await overHttp(await world())
  for (const method of ['GET', 'POST']) {
    const answer = await fetch(`${http.url}/${name}`, { method })
    expect([method, answer.status]).toEqual([method, 404])
  }
})

test('constructor is no scheme under which a token is taken', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const answer = await fetch(`${http.url}/operations/whoami`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Constructor ${text}` },
    body: '{}',
  })
  expect(answer.status).toBe(401)
})

test('another spelling of a path leads nowhere, least of all past whoever asks who is calling', async () => {
  const w = await world()
  const http = await overHttp(w)
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'stranger', version: '1' },
    },
  })
  for (const path of ['/mcp', '/%6dcp', '/./mcp', '/x/../mcp', '/%2e/mcp', '/mcp/']) {
    const raw = rawTo(http.url)
    raw.send(
      lines(
        `POST ${path} HTTP/1.1`,
        'Host: localhost',
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ) + body,
    )
    const said = await raw.closed()
    expect([path, ...statusesIn(said)]).toEqual([path, path === '/mcp' ? 401 : 404])
  }
})

test('a proof by nobody opens nothing that is not asked for by name', async () => {
  const http = await overHttp(await world())
  const meta = { 'dev.remit/proof': 'x' }
  const listening = { notifications: { toolsListChanged: true } }
  for (const [method, params] of [
    ['subscriptions/listen', listening],
    ['server/discover', {}],
  ] as const) {
    const { status } = await send(http, 'modern', method, params, { meta })
    expect([method, status]).toEqual([method, 401])
  }
  const { status } = await send(http, 'legacy', 'ping', {}, { meta })
  expect(status).toBe(401)
})
