// What each method answers in each era, over the same surface.
import { describe, expect, test } from 'vitest'
import type { EraName, Reply } from './harness.ts'
import { call, envelope, eras, opening, request, start } from './harness.ts'

async function ask(era: EraName, ...requests: object[]): Promise<Reply[]> {
  const server = start()
  server.write(opening(era), ...requests)
  server.surface.release()
  const replies = await server.finish()
  return replies.filter(({ id }) => id !== 'init')
}

const askOne = async (era: EraName, message: object) => (await ask(era, message))[0]

describe.each(eras)('%s', (era) => {
  test('initialize and server/discover say what is served', async () => {
    const server = start()
    server.write(opening(era))
    const [reply] = await server.finish()
    expect(reply?.result).toMatchObject({
      capabilities: { tools: {}, resources: {} },
      instructions: 'Call echo.',
    })
    expect(JSON.stringify(reply?.result)).toContain('"title":"Fake"')
    expect(JSON.stringify(reply?.result?.capabilities)).not.toMatch(/listChanged|subscribe/)
  })

  test('a list is the surface’s own, with its output schemas', async () => {
    const { result } = (await askOne(era, request(era, 1, 'tools/list'))) ?? {}
    const tools = result?.tools as { name: string; outputSchema: object }[]
    expect(tools.map(({ name }) => name)).toEqual([
      'echo',
      'slow',
      'refuse',
      'wrap',
      'deep',
      'crash',
    ])
    expect(Object.keys(tools[0]?.outputSchema ?? {})).toEqual(['type', 'anyOf'])
    expect([result?.ttlMs, result?.cacheScope]).toEqual(
      era === 'modern' ? [5000, 'private'] : [undefined, undefined],
    )
  })

  test('resources, templates and their text', async () => {
    const [listed, templates, read] = await ask(
      era,
      request(era, 1, 'resources/list'),
      request(era, 2, 'resources/templates/list'),
      request(era, 3, 'resources/read', { uri: 'fake://one', _meta: { 'dev.remit/token': 't' } }),
    )
    expect(listed?.result).toMatchObject({ resources: [{ uri: 'fake://one' }] })
    expect(templates?.result).toMatchObject({ resourceTemplates: [{ uriTemplate: 'fake://{id}' }] })
    expect(read?.result).toMatchObject({
      contents: [{ uri: 'fake://one', mimeType: 'text/plain', text: 't' }],
    })
    expect(read?.result?.cacheScope).toBe(era === 'modern' ? 'private' : undefined)
  })

  test('a request’s metadata reaches the surface whole, and only with that request', async () => {
    const meta = { 'dev.remit/token': 't', progressToken: 7, traceparent: '00-1' }
    const args = { text: 'é\u2028', nested: [{ a: null }] }
    const [with_, without] = await ask(
      era,
      request(era, 1, 'tools/call', { name: 'echo', arguments: args, _meta: meta }),
      call(era, 2, 'echo'),
    )
    const sent = era === 'modern' ? { ...envelope, ...meta } : meta
    expect(with_?.result?.structuredContent).toEqual({ args, meta: sent })
    expect(without?.result?.structuredContent).toEqual({
      args: {},
      meta: era === 'modern' ? envelope : null,
    })
  })

  test.each([[null], [[]], [[{}]], ['x'], [7], [false]])(
    'arguments %j reach the surface too',
    async (args) => {
      const reply = await askOne(
        era,
        request(era, 1, 'tools/call', { name: 'echo', arguments: args }),
      )
      expect(reply?.result?.structuredContent).toHaveProperty('args', args)
    },
  )

  test('arguments left out are none', async () => {
    const reply = await askOne(era, request(era, 1, 'tools/call', { name: 'echo' }))
    expect(reply?.result?.structuredContent).toMatchObject({ args: {} })
  })

  test.each([{}, { name: 7 }, { name: null }, { name: ['echo'] }])(
    'a call of %j is refused in our words',
    async (params) => {
      const reply = await askOne(era, request(era, 1, 'tools/call', params))
      expect(reply?.error).toEqual({ code: -32602, message: 'name: must be a string' })
    },
  )

  test('lists see the metadata too', async () => {
    const meta = { 'dev.remit/token': 'nobody' }
    const reply = await askOne(era, request(era, 1, 'tools/list', { _meta: meta }))
    expect(reply?.result?.tools).toEqual([])
  })

  test('a result keeps its metadata', async () => {
    const reply = await askOne(era, call(era, 1, 'wrap'))
    expect(reply?.result).toMatchObject({ _meta: { 'dev.remit/tokens': ['t'] } })
  })

  test.each([
    ['refuse', 'insufficient_scope'],
    ['no_such_tool', 'unknown_operation'],
  ])('the refusal of %s is a result', async (tool, code) => {
    const reply = await askOne(era, call(era, 1, tool))
    expect(reply?.error).toBeUndefined()
    expect(reply?.result).toMatchObject({ isError: true, structuredContent: { error: { code } } })
  })

  test('a tool that crashes says nothing of it to the caller', async () => {
    const reply = await askOne(era, call(era, 1, 'crash'))
    expect(reply?.error).toEqual({ code: -32603, message: 'Internal error' })
  })

  test('an unknown resource is not found, a closed one is refused with its reason', async () => {
    const [unknown, closed] = await ask(
      era,
      request(era, 1, 'resources/read', { uri: 'fake://nothing' }),
      request(era, 2, 'resources/read', { uri: 'fake://closed' }),
    )
    expect(unknown?.error).toEqual({
      code: era === 'legacy' ? -32002 : -32602,
      message: 'Nothing is known under that name or id.',
      data: { uri: 'fake://nothing' },
    })
    expect(closed?.error).toEqual({
      code: -32600,
      message: 'The caller lacks a permission.',
      data: {
        code: 'insufficient_scope',
        message: 'The caller lacks a permission.',
        missing: ['fake:read'],
        remedy: { text: expect.stringMatching(/./) },
      },
    })
  })

  test.each([
    ['an unknown method', 'tools/delete', {}, -32601],
    ['prompts, which are not served', 'prompts/list', {}, -32601],
    ['a subscription to a resource', 'resources/subscribe', { uri: 'fake://one' }, -32601],
    ['no tool name', 'tools/call', {}, -32602],
    ['a tool name that is no string', 'tools/call', { name: 7 }, -32602],
    ['a resource without an address', 'resources/read', {}, -32602],
    ['a cursor nobody issued', 'tools/list', { cursor: 'next' }, -32602],
    ['state nobody issued', 'tools/call', { name: 'echo', requestState: 's' }, -32602],
    ['state that is no string', 'tools/call', { name: 'echo', requestState: 7 }, -32602],
    ['state in a list', 'tools/list', { requestState: 's' }, -32602],
    ['state in a read', 'resources/read', { uri: 'fake://one', requestState: 's' }, -32602],
  ])('%s is refused', async (_, method, params, code) => {
    expect((await askOne(era, request(era, 1, method, params)))?.error?.code).toBe(code)
  })
})

test.each(['tools/list', 'resources/list', 'resources/templates/list'])(
  '%s needs no parameters before 2026-07-28',
  async (method) => {
    const reply = await askOne('legacy', { jsonrpc: '2.0', id: 1, method })
    expect(reply?.result).toBeDefined()
  },
)

test.each(['tools/call', 'resources/read'])('%s without parameters is refused', async (method) => {
  const reply = await askOne('legacy', { jsonrpc: '2.0', id: 1, method })
  expect(reply?.error?.code).toBe(-32602)
})

test('a 2026-07-28 connection wants the envelope in every request', async () => {
  const bare = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
  const replies = await ask('modern', call('modern', 1, 'echo'), bare)
  expect(replies.find(({ id }) => id === 2)?.error?.code).toBe(-32602)
})

test('state is refused by name', async () => {
  const reply = await askOne('modern', request('modern', 1, 'tools/list', { requestState: 's' }))
  expect(reply?.error?.message).toBe('requestState: Remit issues no requestState and refuses any')
})

test('nothing that was sent is logged', async () => {
  const server = start()
  server.write(opening('legacy'), call('legacy', 1, 'crash', { text: 'rmt_sec_x' }))
  await server.finish()
  expect(server.logged).toEqual(['a request failed unexpectedly {"err":{}}'])
})
