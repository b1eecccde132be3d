// Attacks by arguments. Whatever is sent, every operation answers, or refuses with a code of the table that
// is never our fault; what it refuses it neither repeats nor lets change anything.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { metaKeys } from '../../src/authority/presented.ts'
import { refusalCodes } from '../../src/core/refusal.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { inputSchemaOf, operations } from '../../src/operations/index.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { authorityIn } from '../support/evidence.ts'
import { everyCall, nothing } from '../support/every-operation.ts'
import { rounds } from '../support/rounds.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const ourFault: ReadonlySet<string> = new Set(['server_error', 'unavailable'])
const mark = 'ħøstile'

/** Values that parsers, databases and prototypes stumble over. */
const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  -0,
  0.5,
  1e308,
  2 ** 53,
  -(2 ** 63),
  '',
  ' ',
  mark,
  `${mark}\u0000`,
  `${mark}\n\r\t\u001b[31m`,
  `${mark}\ud800`,
  `\udfff${mark}`,
  `${mark}\u202e\u2028`,
  `${mark}`.repeat(10_000),
  `'; drop table grants; -- ${mark}`,
  `%${mark}_`,
  `../../${mark}`,
  `\${${mark}}`,
  `{"${mark}":1}`,
  '__proto__',
  'constructor',
  'toString',
  'agt_',
  'agt_8zzzzzzzzzzzzzzzzzzzzzzzzz',
  'AGT_00000000000000000000000001',
  nothing.grant,
  nothing.agent,
  [],
  [[]],
  [mark, null, 1],
  Array.from({ length: 2000 }, () => `demo/${mark}:read`),
  Array.from({ length: 2000 }, () => 'demo:read'),
  {},
  { [mark]: mark },
  { kind: mark, [mark]: { kind: 'secret' } },
  JSON.parse('{"__proto__":{"kind":"secret"},"constructor":{"prototype":{}}}'),
  JSON.parse(`${'['.repeat(200)}1${']'.repeat(200)}`),
  JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`),
]

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostile) },
  { weight: 1, arbitrary: fc.jsonValue() },
)

/** Good arguments of an operation, some of them spoilt, and some that nobody asked for. */
function spoilt(name: string): fc.Arbitrary<unknown> {
  const ways = everyCall(nothing).filter(({ operation }) => operation.name === name)
  const [first] = ways
  const known = first === undefined ? [] : Object.keys(inputSchemaOf(first.operation).shape)
  const field = fc.constantFrom(...known, '__proto__', 'constructor', mark, '')
  const changes = fc.array(fc.tuple(field, value), { maxLength: 3 })
  const args = fc
    .tuple(fc.constantFrom(...ways), changes)
    .map(([way, changed]) => own([...Object.entries(way.args), ...changed]))
  return fc.oneof({ weight: 8, arbitrary: args }, { weight: 1, arbitrary: value })
}

/** An object that has all of these as its own, `__proto__` too, as JSON gives it. */
const own = (entries: readonly (readonly [string, unknown])[]): unknown =>
  JSON.parse(`{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`)

async function listening(): Promise<World & { readonly failures: unknown[] }> {
  const w = await world()
  await w.result(whoami)
  const failures: unknown[] = []
  const log = {
    ...w.context.log,
    error: (fields: object, message: string) => void failures.push([fields, message]),
  }
  return { ...w, context: { ...w.context, log }, failures }
}

describe('spoilt arguments', () => {
  test.each(operations.map(({ name }) => name))('of %s', { timeout: 60_000 }, async (name) => {
    const w = await listening()
    const operation = operations.find((each) => each.name === name)
    if (operation === undefined) throw new Error(name)
    let before = JSON.stringify(authorityIn(w))
    const property = fc.asyncProperty(spoilt(name), async (args) => {
      const request = { in: w.context }
      const answer = await w.call(operation, args as Record<string, unknown>, w.admin, request)
      const after = JSON.stringify(authorityIn(w))
      if (answer.ok) {
        before = after
        return
      }
      const error = answer.refusal.toError()
      expect(refusalCodes).toContain(error.code)
      expect([error.code, ourFault.has(error.code)]).toEqual([error.code, false])
      expect(JSON.stringify(error)).not.toContain(mark)
      expect(after).toBe(before)
    })
    await fc.assert(property, { numRuns: rounds({ short: 30, long: 60 }) })
    expect(w.failures).toEqual([])
    expect((await w.result(whoami)).agent.name).toBe('admin')
  })
})

describe('metadata', () => {
  test('of ours that is unknown, empty, doubled or of the wrong kind is refused', async () => {
    const w = await listening()
    const keys = [
      ...Object.values(metaKeys),
      'dev.remit/',
      'dev.remit/other',
      'dev.remit/__proto__',
    ]
    const property = fc.asyncProperty(fc.constantFrom(...keys), value, async (key, held) => {
      const answer = await w.call(whoami, {}, w.admin, { meta: { [key]: held }, in: w.context })
      const code = answer.ok ? 'allowed' : answer.refusal.code
      const isHarmless = key === metaKeys.subjectToken || key === metaKeys.handoff
      const codes = ['invalid_client', 'invalid_token', 'wrong_credential_class', 'not_found']
      expect(isHarmless ? [...codes, 'allowed'] : codes).toContain(code)
      expect(JSON.stringify(answer.ok ? '' : answer.refusal.toError())).not.toContain(mark)
    })
    await fc.assert(property, { numRuns: 300 })
    expect(w.failures).toEqual([])
  })

  test('of others is nothing to us', async () => {
    const w = await listening()
    const property = fc.asyncProperty(fc.string(), value, async (key, held) => {
      const meta = { [`other/${key}`]: held, progressToken: held, traceparent: held }
      expect((await w.call(whoami, {}, w.admin, { meta, in: w.context })).ok).toBe(true)
    })
    await fc.assert(property, { numRuns: 100 })
  })
})

test('a prototype is no argument', async () => {
  const w = await listening()
  const planted = JSON.parse('{"__proto__":{"permissions":["demo:read"]}}') as object
  expect((await w.refusal(checkPermission, { ...planted })).code).toBe('invalid_request')
  expect(({} as { permissions?: unknown }).permissions).toBeUndefined()
})

test('free text is at most 500 characters, without control characters or halves of them', async () => {
  const w = await listening()
  const agent = (description: string, i: number) => ({
    name: `agent-${i}`,
    description,
    owner: 'o',
    ceiling: ['demo:read'],
    credential: { kind: 'none' },
  })
  const good = ['', 'x'.repeat(500), '😀'.repeat(500), 'né à ⻊', '"<script>"']
  const bad = ['x'.repeat(501), '😀'.repeat(501), 'a\u0000', 'a\nb', 'a\u0085', '\ud83d', '\udc00a']
  for (const [i, text] of good.entries()) {
    expect((await w.call(registerAgent, agent(text, i))).ok).toBe(true)
  }
  for (const [i, text] of bad.entries()) {
    const refusal = await w.refusal(registerAgent, agent(text, 100 + i))
    expect([text, refusal.code]).toEqual([text, 'invalid_request'])
  }
})
