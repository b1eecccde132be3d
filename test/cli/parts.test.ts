// The small parts of the command line: arguments from flags and input, results for people, the log.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { flagsOf, nestedArguments } from '../../src/cli/flags.ts'
import { fail } from '../../src/cli/failure.ts'
import { argumentsFrom } from '../../src/cli/input.ts'
import { createLog } from '../../src/cli/log.ts'
import { createOutput } from '../../src/cli/output.ts'
import { render } from '../../src/cli/render.ts'
import { Refusal } from '../../src/core/refusal.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { defineOperation } from '../../src/operations/operation.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { temporaryFolder } from '../support/temporary.ts'

const operation = defineOperation({
  name: 'try_things',
  title: 'Try things',
  summary: 'Tries.',
  permission: '·',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({
    name: z.string().describe('A name.'),
    kind: z.enum(['a', 'b']).optional(),
    ttl_seconds: z.int().optional(),
    kill_tokens: z.boolean().optional(),
    scopes: z.array(z.string()).optional(),
    expires_at: z.union([z.int(), z.literal('never')]).optional(),
    token: z.string().optional(),
    nested: z.strictObject({ a: z.string() }).optional(),
  }),
  output: z.object({}),
  handle: () => ({ result: {} }),
}) as unknown as Operation

const flags = flagsOf(operation)

test('each simple argument is a flag; a secret is a file; what is nested is neither', () => {
  expect(flags.map(({ option }) => option.flags)).toEqual([
    '--name <text>',
    '--kind <a|b>',
    '--ttl-seconds <number>',
    '--kill-tokens [boolean]',
    '--scopes <item>',
    '--expires-at <value>',
    '--token-file <path>',
    '--act-as <text>',
  ])
  expect(flags[0]?.option.description).toBe('A name. (required)')
  expect(nestedArguments(operation)).toEqual(['nested'])
})

test('arguments come from flags, files and input together', () => {
  const file = join(temporaryFolder(), 'token')
  writeFileSync(file, 'a.b.c\n')
  const given = { name: 'n', killTokens: false, tokenFile: file, input: '-' }
  const stdin = () => '{"nested":{"a":"b"}}'
  expect(argumentsFrom(flags, given, stdin)).toEqual({
    name: 'n',
    kill_tokens: false,
    token: 'a.b.c',
    nested: { a: 'b' },
  })
})

test.each([
  ['the same twice', { name: 'n', input: '-' }, '{"name":"m"}'],
  ['no JSON', { input: '-' }, 'name: n'],
  ['no object', { input: '-' }, '["n"]'],
  ['no file', { input: '/nowhere/input' }, ''],
  ['no secret file', { tokenFile: '/nowhere/token' }, ''],
])('%s is refused', (_name, given, stdin) => {
  expect(() => argumentsFrom(flags, given, () => stdin)).toThrow(Refusal)
})

test('results are lines, nested lines and tables', () => {
  const result = {
    grant_id: 'grt_1',
    expires_at: 1_800_000_000,
    scopes: ['a:b', 'c:d'],
    dropped: [],
    delivery: { kind: 'handle' },
    agents: [
      { id: 'agt_1', name: 'a', used: true },
      { id: 'agt_2', name: 'long', last_used_at: 1_800_000_000 },
    ],
  }
  expect(render(result).split('\n')).toEqual([
    'grant_id: grt_1',
    'expires_at: 2027-01-15T08:00:00.000Z',
    'scopes: a:b, c:d',
    'dropped: -',
    'delivery:',
    '  kind: handle',
    'agents:',
    '  id     name  used  last_used_at',
    '  agt_1  a     true',
    '  agt_2  long        2027-01-15T08:00:00.000Z',
  ])
})

test('free text cannot steer the terminal', () => {
  expect(render({ cause: 'a\u001B[2Jb\u202Ec' })).toBe('cause: a\\u{1b}[2Jb\\u{202e}c')
})

test('a refusal says what was wrong and what would mend it', () => {
  const said: string[] = []
  const output = { data: () => undefined, say: (text: string) => void said.push(text) }
  const refusal = new Refusal('exceeds_parent', {
    missing: ['demo:write'],
    missing_at: 'grt_1',
    remedy: { text: 'Ask for less.' },
    failures: [{ code: 'exceeds_parent', dimension: 'scopes', asked: ['demo:write'], allowed: [] }],
  })
  expect(fail({ ...output, strong: String }, refusal)).toBe(3)
  expect(said).toEqual([
    'remit: This is wider than the authority it comes from. (exceeds_parent)',
    '  missing: demo:write',
    '  at: grt_1',
    '  scopes: ["demo:write"], allowed []',
    '  Ask for less.',
  ])
})

test('the log holds no secret and no token, wherever they came from', async () => {
  const secret = newSecret('agent_secret').reveal()
  const lines: string[] = []
  const written = new Promise<void>((resolve) => {
    const log = createLog('warn', (line) => {
      lines.push(line)
      resolve()
    })
    log.error({ err: new Error(`no ${secret}`), deep: { token: 'eyJhbGci.eyJpc3M.c2ln' } }, 'x')
  })
  await written
  expect(lines.join()).toContain('[secret]')
  expect(lines.join()).not.toContain(secret.slice(8))
  expect(lines.join()).not.toContain('eyJ')
})

test.each([
  [{ NO_COLOR: '1' }, true, false],
  [{ TERM: 'dumb' }, true, false],
  [{}, false, false],
  [{}, true, true],
])('%j on a terminal (%s): colour %s', (env, isTTY, hasColour) => {
  const stream = { isTTY, on: () => stream, write: () => true } as unknown as NodeJS.WriteStream
  expect(createOutput(stream, stream, env).strong('x') !== 'x').toBe(hasColour)
})
