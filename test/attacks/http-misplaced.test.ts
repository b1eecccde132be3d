// Credentials where others keep them, and one thing said twice: refused before anything is looked at.

import { expect, test } from 'vitest'
import { overHttp } from '../support/http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

test('a token in the query or in a cookie is refused, however it is named', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const tried = async (path: string, headers: Record<string, string> = {}) => {
    const { status, body } = await http.post(path, {}, headers)
    return [status, (body['error'] as { code?: string } | undefined)?.code]
  }
  const refused = [400, 'invalid_request']
  const secret = w.local.secret
  expect(await tried('/operations/whoami', { authorization: `Bearer ${text}` })).toEqual([
    200,
    undefined,
  ])
  for (const query of [
    `access_token=${text}`,
    `t=${text}`,
    `a=1&access_token=x`,
    `key=${secret}`,
  ]) {
    expect(await tried(`/operations/whoami?${query}`)).toEqual(refused)
    expect(await tried(`/mcp?${query}`)).toEqual(refused)
  }
  for (const cookie of [`access_token=${text}`, `session=${text}`, `a=b; s=${secret}`]) {
    expect(await tried('/operations/whoami', { cookie })).toEqual(refused)
    const both = { cookie, authorization: `Bearer ${text}` }
    expect(await tried('/operations/whoami', both)).toEqual(refused)
  }
})

test('what is refused in a query is not said again', async () => {
  const w = await world()
  const http = await overHttp(w)
  const answer = await http.post(`/operations/whoami?x=${w.local.secret}`, {})
  expect(JSON.stringify(answer.body)).not.toContain(w.local.secret)
})

test('what stands for one thing may not be said twice', async () => {
  const { url } = await overHttp(await world())
  const head = ['POST /mcp HTTP/1.1', 'Host: localhost', 'Content-Length: 0', 'Connection: close']
  const headers = [
    'Authorization: Bearer x',
    'Content-Type: application/json',
    'Origin: http://localhost',
    'MCP-Protocol-Version: 2025-11-25',
    'Mcp-Method: tools/call',
    'Mcp-Name: whoami',
    'DPoP: x',
  ]
  for (const header of headers) {
    const raw = rawTo(url)
    raw.send(lines(...head, header, header.toLowerCase()))
    expect([header, ...statusesIn(await raw.closed())]).toEqual([header, 400])
  }
})

test('a form and a query are no arguments', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const send = async (contentType: string | undefined, body: string) => {
    const response = await fetch(`${http.url}/operations/check_permission?permissions=demo:read`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${text}`,
        ...(contentType !== undefined && { 'content-type': contentType }),
      },
      body,
    })
    return response.status
  }
  const asked = '{"permissions":["demo:read"]}'
  expect([
    await send('application/json', asked),
    await send('application/json; charset=utf-8', asked),
    await send('application/json', '{}'),
    await send('application/json', ''),
    await send('application/json', '[]'),
    await send('application/json', `${asked}${asked}`),
    await send('application/json', '{"permissions":["demo:read"],"_meta":[]}'),
    await send('application/json; charset=utf-16', asked),
    await send('application/json-seq', asked),
    await send('text/plain; x=application/json', asked),
    await send('text/json', asked),
    await send('application/x-www-form-urlencoded', 'permissions=demo:read'),
  ]).toEqual([200, 200, 400, 400, 400, 400, 400, 415, 415, 415, 415, 415])
})
