// Sockets that are opened and then say little or nothing: each has its time, and no answer waits for them.

import { expect, test } from 'vitest'
import { bearer, overHttp } from '../support/http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

const short = { headers: 50, request: 100, idle: 50 }
const post = [
  'POST /operations/whoami HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
]

test('stalled sockets are told so and closed, wherever they stopped', async () => {
  const { url } = await overHttp(await world(), { patience: short })
  const stalled = {
    'in the first line': 'GET /he',
    'in the headers': 'GET /healthz HTTP/1.1\r\nHost: loc',
    'before the body': lines(...post, 'Content-Length: 100'),
    'in the body': `${lines(...post, 'Content-Length: 100')}{"a":`,
    'in a chunk': `${lines(...post, 'Transfer-Encoding: chunked')}5\r\n{"a`,
  }
  const answered: Record<string, number[]> = {}
  for (const [where, text] of Object.entries(stalled)) {
    const raw = rawTo(url)
    raw.send(text)
    answered[where] = statusesIn(await raw.closed())
  }
  expect(answered).toEqual(Object.fromEntries(Object.keys(stalled).map((where) => [where, [408]])))
})

test('a connection that asks nothing more is closed', async () => {
  const { url } = await overHttp(await world(), { patience: short })
  const raw = rawTo(url)
  raw.send(lines('GET /healthz HTTP/1.1', 'Host: localhost'))
  expect(statusesIn(await raw.closed())).toEqual([200])
})

test('a hundred stalled sockets keep nobody from being answered', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const many = Array.from({ length: 100 }, () => rawTo(http.url))
  for (const raw of many) raw.send(lines(...post, 'Content-Length: 100'))
  expect((await http.operation('whoami', {}, text)).status).toBe(200)
})

test('a caller who leaves before the answer takes nothing with him', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read', 'tokens:delegate'] })
  const body = JSON.stringify({ scopes: ['demo:read'], task: 'left' })
  for (let i = 0; i < 5; i++) {
    const raw = rawTo(http.url)
    raw.send(
      lines(
        'POST /operations/delegate_token HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        `Authorization: ${bearer(text)['authorization'] ?? ''}`,
      ) + body,
    )
    raw.socket.once('connect', () => raw.socket.resetAndDestroy())
    await raw.closed()
  }
  expect((await http.operation('whoami', {}, text)).status).toBe(200)
})
