// When the input ends, what was received whole is answered and what was cut off is not run.
import { describe, expect, test } from 'vitest'
import { call, eras, initialize, opening, request, start } from './harness.ts'

describe.each(eras)('%s', (era) => {
  test('calls that have begun are answered before serving ends', async () => {
    const server = start()
    let ended = false
    const watch = server.ended.then(() => (ended = true))
    server.write(opening(era), call(era, 1, 'slow'), call(era, 2, 'echo'))
    server.stdin.end()
    await server.replies(2)
    expect(ended).toBe(false)
    server.surface.release()
    await watch
    expect((await server.finish()).map(({ id }) => id)).toEqual(['init', 2, 1])
  })

  test('a last line without its end is answered with an error and not run', async () => {
    const server = start()
    server.write(opening(era), JSON.stringify(call(era, 1, 'echo')))
    const replies = await server.finish()
    expect(replies.map(({ id, error }) => [id, error?.code])).toContainEqual([null, -32700])
    expect(replies).toHaveLength(2)
    expect(server.surface.begun).toBe(0)
  })

  test('input that breaks has ended', async () => {
    const server = start()
    server.write(opening(era), call(era, 1, 'slow'))
    await server.replies(1)
    while (server.surface.begun === 0) await new Promise((resolve) => setImmediate(resolve))
    server.stdin.destroy(new Error('EIO'))
    server.surface.release()
    await server.ended
    expect((await server.replies(2)).map(({ id }) => id)).toEqual(['init', 1])
  })
})

test('no input at all', async () => {
  expect(await start().finish()).toEqual([])
})

test('a probe leaves the way back to initialize open, a call does not', async () => {
  const probed = start()
  probed.write(opening('modern'))
  await probed.replies(1)
  probed.write({ ...initialize, id: 1 }, call('legacy', 2, 'echo'))
  const afterProbe = await probed.finish()
  expect(afterProbe.map(({ id, result }) => [id, result !== undefined])).toEqual([
    ['init', true],
    [1, true],
    [2, true],
  ])

  const settled = start()
  settled.write(call('modern', 1, 'echo'), { ...initialize, id: 2 })
  const afterCall = await settled.finish()
  expect(afterCall.find(({ id }) => id === 2)?.error).toMatchObject({
    code: -32022,
    data: { supported: ['2026-07-28'] },
  })
})

test('an offer of an unknown revision is told which one is served', async () => {
  const server = start()
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }
  server.write(request('modern', 1, 'server/discover', { _meta: meta }), initialize)
  const replies = await server.finish()
  expect(replies.find(({ id }) => id === 1)?.error).toMatchObject({
    code: -32022,
    data: { supported: ['2026-07-28'], requested: '2030-01-01' },
  })
  expect(replies.find(({ id }) => id === 'init')?.result).toBeDefined()
})
