// Bodies that are too much, are not what they say, or never end.

import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bearer, overHttp } from '../support/http.ts'
import { lines, rawTo, statusesIn } from '../support/raw-http.ts'
import { world } from '../support/world.ts'
import { minted } from './attack.ts'

const mebibyte = 1024 * 1024
const json = { 'content-type': 'application/json' }

test('20 MB are refused, whether declared or chunked, and the server goes on', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const declared = await fetch(`${http.url}/mcp`, {
    method: 'POST',
    headers: { ...json, ...bearer(text) },
    body: Buffer.alloc(20 * mebibyte, ' '),
  })
  expect([declared.status, await codeIn(declared)]).toEqual([413, 'invalid_request'])
  const chunked = await fetch(`${http.url}/operations/whoami`, {
    method: 'POST',
    headers: { ...json, ...bearer(text) },
    body: Readable.toWeb(Readable.from(chunks(20))) as ReadableStream,
    duplex: 'half',
  })
  expect([chunked.status, await codeIn(chunked)]).toEqual([413, 'invalid_request'])
  expect((await http.operation('whoami', {}, text)).status).toBe(200)
})

test('a body of the greatest length is read, and one byte more is not', async () => {
  const w = await world()
  const http = await overHttp(w, { http: { mostBodyBytes: 1000 } })
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const padded = async (length: number) => {
    const response = await fetch(`${http.url}/operations/whoami`, {
      method: 'POST',
      headers: { ...json, ...bearer(text) },
      body: '{}'.padEnd(length),
    })
    return response.status
  }
  expect([await padded(1000), await padded(1001)]).toEqual([200, 413])
})

test('a compressed body is not unpacked', async () => {
  const http = await overHttp(await world())
  const answer = await fetch(`${http.url}/mcp`, {
    method: 'POST',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: gzipSync('{}'),
  })
  expect(answer.status).toBe(415)
})

test('what is no UTF-8 or no JSON is said to be so, in the words of the door', async () => {
  const w = await world()
  const http = await overHttp(w)
  const send = async (path: string, body: Uint8Array<ArrayBuffer>) => {
    const response = await fetch(`${http.url}${path}`, { method: 'POST', headers: json, body })
    const { error } = (await response.json()) as { error: { code: unknown } }
    return [response.status, error.code]
  }
  const broken = [Buffer.from('{'), Buffer.from([0x22, 0xff, 0x22]), Buffer.from('')]
  for (const body of broken) {
    expect(await send('/operations/whoami', body)).toEqual([400, 'invalid_request'])
    expect(await send('/mcp', body)).toEqual([400, -32700])
  }
  for (const body of ['[]', '1', '"x"', 'null']) {
    expect(await send('/mcp', Buffer.from(body))).toEqual([400, -32600])
  }
  const deep = Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
  expect(await send('/operations/whoami', deep)).toEqual([400, 'invalid_request'])
})

test('a body that the client gives up half way is nothing that was asked', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const raw = rawTo(http.url)
  const head = ['POST /operations/mint_token HTTP/1.1', 'Host: localhost', 'Content-Length: 100']
  raw.send(lines(...head, 'Content-Type: application/json', `Authorization: Bearer ${text}`))
  raw.send('{"scopes":["demo:read"]}')
  raw.socket.end()
  expect(statusesIn(await raw.closed()).every((status) => status === 400)).toBe(true)
  expect((await http.operation('whoami', {}, text)).status).toBe(200)
})

function* chunks(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(mebibyte, ' ')
}

const codeIn = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code
