// Every line that is no message gets the one error the specification has for it, and the server lives.
import { describe, expect, test } from 'vitest'
import { createLineCutter, MAX_LINE_BYTES, tooLong } from '../../src/transports/stdio/lines.ts'
import type { Reply } from './harness.ts'
import { call, eras, opening, start } from './harness.ts'

const parseError = { id: null, code: -32700 }
const noMessage = { id: null, code: -32600 }
const long = 'x'.repeat(MAX_LINE_BYTES + 1)
const padded = (bytes: number) => {
  const head =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refuse","arguments":{"text":"'
  return `${head}${'x'.repeat(bytes - head.length - 4)}"}}}`
}

/** Each line, and what it is answered with (`undefined`: nothing). */
const rows: [string, string | Buffer, { id: unknown; code: number | undefined } | undefined][] = [
  ['broken JSON', '{"jsonrpc":"2.0",', parseError],
  ['two values', '{} {}', parseError],
  ['no JSON at all', 'GET / HTTP/1.1', parseError],
  ['blanks only', '   ', parseError],
  ['a byte order mark', '\uFEFF{"jsonrpc":"2.0","id":1,"method":"ping"}', parseError],
  ['NaN', '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', parseError],
  ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), parseError],
  ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), parseError],
  ['half a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), parseError],
  ['a NUL byte', Buffer.from([0]), parseError],
  ['null', 'null', noMessage],
  ['a number', '1', noMessage],
  ['a string', '"ping"', noMessage],
  ['an empty object', '{}', noMessage],
  ['an empty batch', '[]', noMessage],
  ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', noMessage],
  ['a very deep batch', '['.repeat(400_000) + ']'.repeat(400_000), noMessage],
  ['another JSON-RPC', '{"jsonrpc":"1.0","id":1,"method":"ping"}', { id: 1, code: -32600 }],
  ['no JSON-RPC version', '{"id":1,"method":"ping"}', { id: 1, code: -32600 }],
  ['no method', '{"jsonrpc":"2.0","id":1}', { id: 1, code: -32600 }],
  ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":1}', { id: 1, code: -32600 }],
  ['an id of null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', noMessage],
  ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', noMessage],
  ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', noMessage],
  ['an id past exact integers', '{"jsonrpc":"2.0","id":1e300,"method":"ping"}', noMessage],
  [
    'a stranger’s member',
    '{"jsonrpc":"2.0","id":1,"method":"ping","x":1}',
    { id: 1, code: -32600 },
  ],
  [
    'a method and a result',
    '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
    { id: 1, code: -32600 },
  ],
  [
    'params that are a list',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    { id: 1, code: -32602 },
  ],
  [
    'params that are null',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
    { id: 1, code: -32602 },
  ],
  [
    'metadata that is a list',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}',
    { id: 1, code: -32602 },
  ],
  [
    'metadata that is null',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":null}}',
    { id: 1, code: -32602 },
  ],
  [
    'a progress token that is an object',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":{}}}}',
    { id: 1, code: -32602 },
  ],
  [
    'a related task without an id',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/related-task":{}}}}',
    { id: 1, code: -32602 },
  ],
  ['a notification with bad params', '{"jsonrpc":"2.0","method":"x","params":1}', noMessage],
  ['a line one byte too long', long, noMessage],
  ['a request in a line too long', padded(MAX_LINE_BYTES + 1), noMessage],
  ['an empty line', '', undefined],
  ['an empty line of Windows', '\r', undefined],
  ['an answer to nothing', '{"jsonrpc":"2.0","id":1,"result":{}}', undefined],
  ['an error to nothing', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', undefined],
  ['an unknown notification', '{"jsonrpc":"2.0","method":"notifications/x"}', undefined],
  [
    'a cancellation of nothing',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}',
    undefined,
  ],
  [
    'a cancellation without an id',
    '{"jsonrpc":"2.0","method":"notifications/cancelled"}',
    undefined,
  ],
  [
    'progress of nothing',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
    undefined,
  ],
]

const briefly = ({ id, error }: Reply) => ({ id, code: error?.code })

describe.each(eras)('%s', (era) => {
  test.each(rows)('%s', async (_, line, answer) => {
    const server = start()
    server.write(opening(era), line, '\n', call(era, 'after', 'echo'))
    const replies = await server.finish()
    const bad = replies.filter(({ id }) => id !== 'init' && id !== 'after')
    expect(bad.map(briefly)).toEqual(answer ? [answer] : [])
    expect(replies.filter(({ id }) => id === 'after')).toHaveLength(1)
    expect(replies.find(({ id }) => id === 'after')?.result).toBeDefined()
  })

  test('all of them before the first message settle no era', async () => {
    const server = start()
    const unclear = rows.filter(([, , answer]) => answer !== undefined)
    for (const [, line] of unclear) server.write(line, '\n')
    server.write(opening(era), call(era, 'after', 'echo'))
    const replies = await server.finish()
    expect(replies).toHaveLength(unclear.length + 2)
    expect(replies.find(({ id }) => id === 'after')?.result).toBeDefined()
  })

  test('lines may come byte by byte, end as on Windows, and share a chunk', async () => {
    const server = start()
    const lines = [opening(era), call(era, 1, 'echo', { text: 'é' }), call(era, 2, 'refuse')]
    for (const byte of Buffer.from(lines.map((line) => JSON.stringify(line)).join('\r\n'))) {
      server.stdin.write(Buffer.from([byte]))
    }
    server.write('\n')
    const replies = await server.finish()
    expect(replies.map(({ id }) => id).toSorted()).toEqual([1, 2, 'init'])
    expect(JSON.stringify(replies)).toContain('é')
  })

  test('an answer too deep to be written is an error, not silence', async () => {
    const server = start()
    server.write(opening(era), call(era, 1, 'deep'))
    const replies = await server.finish()
    expect(replies.filter(({ id }) => id === 1).map(briefly)).toEqual([{ id: 1, code: -32603 }])
  })
})

test('a line of exactly the limit is read', async () => {
  const server = start()
  server.write(opening('legacy'), padded(MAX_LINE_BYTES), '\n')
  const replies = await server.finish()
  expect(replies.find(({ id }) => id === 1)?.result).toBeDefined()
})

test('a line that is too long is answered before it ends', async () => {
  const server = start()
  server.write(long)
  expect((await server.replies(1)).map(briefly)).toEqual([noMessage])
  server.write(long)
  expect((await server.finish()).map(briefly)).toEqual([noMessage])
})

test('of a line of 64 MB no more than the limit is held', () => {
  const cutter = createLineCutter()
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const cut: unknown[] = []
  for (let bytes = 0; bytes < 64 * 1024 * 1024; bytes += chunk.length) {
    cut.push(...cutter.cut(chunk))
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  cut.push(...cutter.cut(Buffer.from('\nnext\n')))
  expect(cut.map(String)).toEqual([String(tooLong), 'next'])
  expect(most).toBeLessThan(8 * 1024 * 1024)
})

test('many short pieces of one line are held as one', () => {
  const cutter = createLineCutter()
  const piece = Buffer.from('x')
  let cut = 0
  for (let bytes = 0; bytes < MAX_LINE_BYTES; bytes += 1) cut += [...cutter.cut(piece)].length
  expect(cut).toBe(0)
  expect(cutter.unfinished()).toBe(true)
  const [line] = [...cutter.cut(Buffer.from('\n'))]
  expect(line).toHaveLength(MAX_LINE_BYTES)
})
