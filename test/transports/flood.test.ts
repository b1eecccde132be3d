// Many requests and few readers: everything is answered once, and what waits does not wait in memory.
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { MAX_IN_FLIGHT } from '../../src/transports/stdio/in-flight.ts'
import { serveStdio } from '../../src/transports/stdio/serve.ts'
import { createFakeSurface } from './fake-surface.ts'
import { call, eras, initialize, opening, request, start } from './harness.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe.each(eras)('%s', (era) => {
  test('ten thousand requests in flight are answered once each', async () => {
    const server = start()
    server.write(opening(era), ...numbers(10_000).map((id) => call(era, id, 'slow')))
    while (server.surface.begun < MAX_IN_FLIGHT) await turn()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    expect(server.surface.begun).toBe(MAX_IN_FLIGHT)
    server.surface.release()
    const ids = (await server.finish()).flatMap(({ id, result }) => (result ? [id] : []))
    expect(ids.filter((id) => id !== 'init').toSorted((a, b) => Number(a) - Number(b))).toEqual(
      numbers(10_000),
    )
  })

  test('answers keep their ids when they come out of order', async () => {
    const server = start()
    server.write(opening(era), call(era, 1, 'slow'), call(era, 2, 'echo'), call(era, '1', 'echo'))
    expect((await server.replies(3)).map(({ id }) => id).toSorted()).toEqual(['1', 2, 'init'])
    server.surface.release()
    expect((await server.finish()).at(-1)).toMatchObject({
      id: 1,
      result: { structuredContent: { slept: true } },
    })
  })

  test('an id used twice is answered twice', async () => {
    const server = start()
    server.write(opening(era), call(era, 1, 'slow'), call(era, 1, 'echo'), call(era, 1, 'slow'))
    await server.replies(2)
    server.surface.release()
    expect((await server.finish()).map(({ id }) => id)).toEqual(['init', 1, 1, 1])
  })

  test('a cancelled call is answered like any other', async () => {
    const server = start()
    const cancelled = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 0 },
    }
    server.write(opening(era), call(era, 0, 'slow'), cancelled, call(era, 2, 'echo'))
    await server.replies(2)
    server.surface.release()
    expect((await server.finish()).map(({ id }) => id).toSorted()).toEqual([0, 2, 'init'])
  })

  test('while nobody reads, nothing more is taken in; then all is answered', async () => {
    const server = start()
    server.write(opening(era))
    const big = { text: 'x'.repeat(10_000) }
    for (const id of numbers(2000)) server.write(call(era, id, 'echo', big))
    let before = -1
    while (server.surface.begun !== before || before === 0) {
      before = server.surface.begun
      for (let turns = 0; turns < 20; turns += 1) await turn()
    }
    expect(server.surface.begun).toBeLessThanOrEqual(MAX_IN_FLIGHT)
    expect(server.stdout.readableLength + server.stdout.writableLength).toBeLessThan(
      MAX_IN_FLIGHT * 12_000,
    )
    const replies = await server.finish()
    expect(new Set(replies.map(({ id }) => id)).size).toBe(2001)
    expect(replies).toHaveLength(2001)
  })

  test('a reader that has gone ends the serving without noise', async () => {
    const server = start()
    server.write(opening(era), call(era, 1, 'slow'))
    await server.replies(1)
    while (server.surface.begun === 0) await turn()
    server.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    server.surface.release()
    await server.ended
    expect(server.stdin.destroyed).toBe(true)
    expect(server.logged).toEqual([])
  })
})

test('lines that were read before the reader went are not run', async () => {
  const surface = createFakeSurface()
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  stdout.destroy()
  await turn()
  const ended = serveStdio({ surface, stdin, stdout, log: { error: () => {} } })
  stdin.write(`${JSON.stringify(initialize)}\n`)
  stdin.write(`${JSON.stringify(call('legacy', 1, 'echo'))}\n`.repeat(10))
  stdin.end()
  await ended
  expect(surface.begun).toBe(0)
})

test('a subscription does not keep the server from ending', async () => {
  const server = start()
  const listen = request('modern', 'sub', 'subscriptions/listen', {
    notifications: { toolsListChanged: true },
  })
  server.write(listen, call('modern', 1, 'echo'))
  const replies = await server.finish()
  expect(replies.filter(({ id }) => id !== undefined).map(({ id }) => id)).toEqual([1, 'sub'])
})
