// Before `initialize` was answered nothing is run in the older era; the newer one has no `initialize`.
import { expect, test } from 'vitest'
import type { Reply } from './harness.ts'
import { call, initialize, opening, request, start } from './harness.ts'

const refused = (id: string | number): Reply => ({
  jsonrpc: '2.0',
  id,
  error: { code: -32600, message: 'Invalid request: initialize comes first' },
})
const malformed = { ...initialize, params: { protocolVersion: 7 } }
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' }
const isResult = ({ id, result }: Reply) => [id, result !== undefined]

test.each([
  ['a call', 'tools/call', { name: 'echo', arguments: {} }],
  ['a malformed call', 'tools/call', { name: 7 }],
  ['a list', 'tools/list', {}],
  ['a resource', 'resources/read', { uri: 'fake://one' }],
  ['an unknown method', 'tools/delete', {}],
  ['a probe without its envelope', 'server/discover', {}],
])('%s before initialize is refused and not run', async (_, method, params) => {
  const server = start()
  server.write(request('legacy', 1, method, params))
  expect(await server.finish()).toEqual([refused(1)])
  expect(server.surface.begun).toBe(0)
})

test('a ping before initialize is answered, a notification passed over', async () => {
  const server = start()
  server.write(initialized, request('legacy', 1, 'ping'), call('legacy', 2, 'echo'))
  const replies = await server.finish()
  expect(replies.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual([
    { jsonrpc: '2.0', id: 1, result: {} },
    refused(2),
  ])
  expect(server.surface.begun).toBe(0)
})

test('a call refused before initialize may be made again after it', async () => {
  const server = start()
  server.write(call('legacy', 1, 'echo'), initialize, initialized, call('legacy', 2, 'echo'))
  expect((await server.finish()).map(isResult)).toEqual([
    [1, false],
    ['init', true],
    [2, true],
  ])
  expect(server.surface.begun).toBe(1)
})

test('calls sent right behind initialize wait for its answer', async () => {
  const server = start()
  server.write(initialize, call('legacy', 1, 'echo'), request('legacy', 2, 'ping'))
  const [first, ...rest] = (await server.finish()).map(isResult)
  expect(first).toEqual(['init', true])
  expect(rest).toHaveLength(2)
  expect(rest).toEqual(
    expect.arrayContaining([
      [1, true],
      [2, true],
    ]),
  )
})

test('an initialize that was refused opens nothing, and the next one may', async () => {
  const server = start()
  server.write(malformed, call('legacy', 1, 'echo'), initialize, call('legacy', 2, 'echo'))
  expect((await server.finish()).map(isResult)).toEqual([
    ['init', false],
    [1, false],
    ['init', true],
    [2, true],
  ])
  expect(server.surface.begun).toBe(1)
})

test('neither a ping of the same id nor a notification counts as initialize', async () => {
  const server = start()
  const { id: _id, ...notification } = initialize
  const ping = request('legacy', 'init', 'ping')
  server.write(notification, ping, malformed, call('legacy', 1, 'echo'))
  const replies = await server.finish()
  expect(replies).toHaveLength(3)
  expect(replies).toContainEqual(refused(1))
  expect(server.surface.begun).toBe(0)
})

test('2026-07-28 has no initialize: its first call is run, probed or not', async () => {
  const server = start()
  server.write(call('modern', 1, 'echo'))
  expect((await server.finish()).map(isResult)).toEqual([[1, true]])
  const probed = start()
  probed.write(opening('modern'), call('modern', 1, 'echo'))
  expect((await probed.finish()).map(isResult).toSorted()).toEqual([
    [1, true],
    ['init', true],
  ])
})
