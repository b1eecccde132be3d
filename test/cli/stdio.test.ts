// `remit stdio` as a host starts it: a process of the built file, a home of its own, and nothing but protocol on
// stdout.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { initialised } from './command.ts'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

function start(
  home: string,
  env: Record<string, string> = {},
  args: readonly string[] = ['stdio'],
) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], REMIT_HOME: home, ...env },
  })
  const out = text(child.stdout).catch(() => '')
  const err = text(child.stderr)
  return {
    child,
    async ended() {
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, out: await out, err: await err }
    },
  }
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}
const whoami = {
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name: 'whoami', arguments: {} },
}

async function ask(home: string, env: Record<string, string>) {
  const { child, ended } = start(home, env)
  child.stdin.end([initialize, whoami].map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { code, out, err } = await ended()
  const replies = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: number; result: Record<string, unknown> })
  return { code, err, answer: replies.find(({ id }) => id === 2)?.result['structuredContent'] }
}

const local = { REMIT_CREDENTIAL_FILE: 'credentials/local.json' }

test('the first start redeems the registration, later ones prove its key', async () => {
  const { home } = await initialised()
  const served = {
    code: 0,
    err: '',
    answer: expect.objectContaining({
      agent: expect.objectContaining({ name: 'local' }),
      warnings: [],
    }),
  }
  expect(await ask(home, local)).toEqual(served)
  expect(await ask(home, local)).toEqual(served)
})

test.each<[string, Record<string, string>, RegExp]>([
  ['no credential', {}, /No credential is in the environment/],
  ['a missing file', { REMIT_CREDENTIAL_FILE: 'none.json' }, /none\.json does not exist/],
  ['an unknown key', { REMIT_API_KEY: 'x' }, /REMIT_API_KEY_FILE[\s\S]*not known here/],
  ['a token that is none', { REMIT_TOKEN: 'garbage' }, /token in the environment is refused/],
])('with %s it starts, says so, and refuses calls', async (_name, env, said) => {
  const { home } = await initialised()
  const { code, err, answer } = await ask(home, env)
  expect(code).toBe(0)
  expect(err).toMatch(said)
  const refusal = env['REMIT_TOKEN'] === undefined ? 'invalid_client' : 'invalid_token'
  expect(answer).toMatchObject({ error: { code: refusal } })
})

test('one agent’s secret under another’s name is not taken for that one’s', async () => {
  const { home } = await initialised()
  const read = (name: string) =>
    JSON.parse(readFileSync(join(home, 'credentials', name), 'utf8')) as Record<string, string>
  const [admin, other] = [read('admin.json'), read('local.json')]
  const env = { REMIT_AGENT_ID: other['agent_id'] ?? '', REMIT_AGENT_SECRET: admin['secret'] ?? '' }
  const { err, answer } = await ask(home, env)
  expect(err).toContain('not known here')
  expect(err).not.toContain('administrator')
  expect(answer).toMatchObject({ error: { code: 'invalid_client' } })
})

test('the administrator is warned about', async () => {
  const { home } = await initialised()
  const { err, answer } = await ask(home, { REMIT_CREDENTIAL_FILE: 'credentials/admin.json' })
  expect(err).toContain('credential of the administrator')
  expect(answer).toMatchObject({ warnings: [expect.stringContaining('administrator')] })
})

test.each<[string, Record<string, string>, number, RegExp, (home: string) => void]>([
  ['two credentials', { REMIT_TOKEN: 'a', REMIT_API_KEY: 'b' }, 2, /REMIT_TOKEN/, () => undefined],
  ['a bad setting', { REMIT_SCOPES: 'demo' }, 2, /REMIT_SCOPES/, () => undefined],
  ['no store', {}, 7, /remit init/, (home) => rmSync(join(home, 'remit.db'))],
  ['an empty store', {}, 7, /is empty/, (home) => writeFileSync(join(home, 'remit.db'), '')],
  [
    'no master key',
    {},
    7,
    /master\.key does not exist/,
    (home) => rmSync(join(home, 'master.key')),
  ],
  [
    'no registration',
    {},
    4,
    /registration\.json does not exist[\s\S]*remit init --recover/,
    (home) => rmSync(join(home, 'registration.json')),
  ],
])('with %s it does not start', async (_name, env, expected, said, damage) => {
  const { home } = await initialised()
  damage(home)
  const { child, ended } = start(home, env)
  child.stdin.end()
  const { code, out, err } = await ended()
  expect([code, out]).toEqual([expected, ''])
  expect(err).toMatch(said)
})

test('a revoked registration ends the start with exit 4', async () => {
  const run = await initialised()
  expect((await run('revoke-registration-credential --server remit --cause test')).code).toBe(0)
  const { child, ended } = start(run.home, local)
  child.stdin.end()
  const { code, out, err } = await ended()
  expect([code, out]).toEqual([4, ''])
  expect(err).toContain('remit init --recover')
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it in order', async (signal) => {
  const run = await initialised()
  const { child, ended } = start(run.home, local)
  child.stdin.write(`${JSON.stringify(initialize)}\n`)
  await once(child.stdout, 'readable')
  child.kill(signal)
  expect((await ended()).code).toBe(0)
  expect((await run('audit verify --json')).json).toMatchObject({ ok: true })
  expect(existsSync(join(run.home, 'remit.db-wal'))).toBe(false)
})

test('the bundle runs commands, and a reader that leaves early does no harm', async () => {
  const { home } = await initialised()
  const { child, ended } = start(home, {}, ['whoami', '--json'])
  child.stdout.destroy()
  const { code, err } = await ended()
  expect([code, err]).toEqual([0, ''])
})
