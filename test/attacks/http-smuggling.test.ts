// Requests that a proxy in front could read otherwise than we do. Each gets one answer, the connection ends,
// and nothing behind it is ever taken for a request.

import { expect, test } from 'vitest'
import { overHttp } from '../support/http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'

const smuggled = lines('GET /jwks HTTP/1.1', 'Host: localhost')
const start = ['POST /mcp HTTP/1.1', 'Host: localhost', 'Content-Type: application/json']

const chunked = (coding: string, body = '0\r\n\r\n'): string =>
  lines(...start, `Transfer-Encoding: ${coding}`) + body

const torn: Readonly<Record<string, string>> = {
  'both lengths': lines(...start, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  'two lengths': lines(...start, 'Content-Length: 0', `Content-Length: ${smuggled.length}`),
  'a list of lengths': lines(...start, `Content-Length: 0, ${smuggled.length}`),
  'a signed length': lines(...start, 'Content-Length: +0'),
  'a length in hex': lines(...start, 'Content-Length: 0x0'),
  'chunked twice': chunked('chunked, chunked'),
  'chunked under another': chunked('chunked, identity'),
  'chunked misspelt': chunked('xchunked'),
  'a chunk size that is none': chunked('chunked', '0x5\r\nhello\r\n0\r\n\r\n'),
  'a space before the colon': lines(...start, 'Content-Length : 0'),
  'a folded header': lines(...start, 'Content-Length: 0', ' 5'),
  'a bare line feed': lines(...start, 'X: y\nContent-Length: 0'),
  'a null in a header': lines(...start, 'X: a\0b', 'Content-Length: 0'),
  'another version': lines('GET /jwks HTTP/3.0', 'Host: localhost'),
  'a method that is none': lines('GE T /jwks HTTP/1.1', 'Host: localhost'),
}

test('what could be read in two ways gets one answer, and the connection ends', async () => {
  const { url } = await overHttp(await world())
  const answered: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(torn)) {
    const raw = rawTo(url)
    raw.send(text + smuggled)
    const all = await raw.closed()
    answered[name] = all.includes('"keys"') ? all : statusesIn(all)
  }
  expect(answered).toEqual(Object.fromEntries(Object.keys(torn).map((name) => [name, [400]])))
})

test('HTTP/0.9 names no host, so that it asks nothing', async () => {
  const { url } = await overHttp(await world())
  const raw = rawTo(url)
  raw.send(`GET /jwks\r\n\r\n${smuggled}`)
  expect(statusesIn(await raw.closed())).toEqual([403, 400])
})

test('a refused request whose body follows leaves nothing behind that could be a request', async () => {
  const { url } = await overHttp(await world())
  const raw = rawTo(url)
  raw.send(lines('POST /mcp HTTP/1.1', 'Host: evil.example', `Content-Length: ${smuggled.length}`))
  raw.send(smuggled)
  const answered = await raw.closed()
  expect(statusesIn(answered)).toEqual([403])
})

test('requests one behind the other are answered in order, each by itself', async () => {
  const { url } = await overHttp(await world())
  const raw = rawTo(url)
  raw.send(
    smuggled +
      lines('GET /nowhere HTTP/1.1', 'Host: localhost') +
      lines('GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close'),
  )
  expect(statusesIn(await raw.closed())).toEqual([200, 404, 200])
})

test('headers beyond all measure are refused', async () => {
  const { url } = await overHttp(await world())
  const raw = rawTo(url)
  raw.send(lines('GET /jwks HTTP/1.1', 'Host: localhost', `X: ${'x'.repeat(64 * 1024)}`))
  expect(statusesIn(await raw.closed())).toEqual([431])
})

test('nobody gets a tunnel', async () => {
  const { url } = await overHttp(await world())
  const asked = [
    lines('CONNECT evil.example:443 HTTP/1.1', 'Host: localhost'),
    lines('GET /mcp HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade'),
  ]
  for (const text of asked) {
    const raw = rawTo(url)
    raw.send(text)
    raw.socket.end()
    expect(statusesIn(await raw.closed()).filter((status) => status < 400)).toEqual([])
  }
})
