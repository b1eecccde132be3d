// How a server starts, what keeps it from starting, and what it says to whom: the protocol alone on stdout,
// what is wrong and what would mend it on stderr, a secret on neither.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { isOnPostgres } from '../support/database.ts'
import { copyFolder } from '../support/temporary.ts'
import { admin, bare, emptyHome, home, jsonFile, local, runMain, serve, start } from './support.ts'
import type { Env, Home, Ran } from './support.ts'

const stdio = (env: Env) => runMain(['stdio'], env)
const ending = ({ code, out }: Ran) => ({ code, out })

const opening = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}

test('without a store nothing starts and nothing is made', async () => {
  const path = emptyHome()
  const ran = await stdio({ ...bare, REMIT_HOME: path })
  expect(ending(ran)).toEqual({ code: 7, out: '' })
  expect(ran.err).toContain('(unavailable)')
  expect((await stdio({ ...bare, REMIT_HOME: path })).code).toBe(7)
})

type Damage = [string, number, RegExp, (own: Home) => void]

const inFile: Damage[] = [
  ['missing', 7, /remit init/, ({ file }) => rmSync(file('remit.db'))],
  ['empty', 7, /is empty.*remit init/, ({ file }) => writeFileSync(file('remit.db'), '')],
  [
    'no database',
    7,
    /restore a backup|something else/,
    ({ file }) => overwrite(file, 'x'.repeat(9000)),
  ],
  [
    'a foreign one',
    7,
    /something else.*another REMIT_HOME/,
    ({ file }) => foreign(file('remit.db')),
  ],
]

const onServer: Damage[] = [
  ['away', 7, /database answered ECONNREFUSED/, ({ file }) => away(file('database-url'))],
  ['empty', 7, /no store.*remit init/, ({ alter }) => alter(emptied)],
  ['a foreign one', 7, /something else/, ({ alter }) => alter(`${emptied}; ${notes}`)],
]

test.each<Damage>([
  ...(isOnPostgres() ? onServer : inFile),
  ['under another key', 7, /master key is not the one/, ({ file }) => otherKey(file('master.key'))],
  ['without its key', 7, /master\.key/, ({ file }) => rmSync(file('master.key'))],
  [
    'without its registration',
    4,
    /registration\.json does not exist[\s\S]*remit init --recover/,
    ({ file }) => rmSync(file('registration.json')),
  ],
  [
    'with another registration',
    4,
    /registration\.json is not a registration[\s\S]*remit init --recover/,
    ({ file }) => writeFileSync(file('registration.json'), '{}', { mode: 0o600 }),
  ],
])(
  'a store that is %s is refused with exit %i, and left as it is',
  async (_, code, why, damage) => {
    const own = await home()
    damage(own)
    const before = storeOf(own)
    const ran = await stdio(own.env(local))
    expect(ending(ran)).toEqual({ code, out: '' })
    expect(ran.err).toMatch(why)
    expect(storeOf(own)).toEqual(before)
  },
)

test('a copied database cannot serve, nor with the registration of another store', async () => {
  const own = await home()
  const server = await serve(own.env(local))
  expect((await server.call('whoami')).code).toBe('allowed')
  const copy = emptyHome()
  mkdirSync(copy, { mode: 0o700 })
  const database = ['remit.db', 'remit.db-wal', 'remit.db-shm']
  for (const name of [...(isOnPostgres() ? [] : database), 'master.key']) {
    copyFileSync(own.file(name), join(copy, name))
  }
  copyFolder(own.file('credentials'), join(copy, 'credentials'))
  const env = { ...own.env(local), REMIT_HOME: copy }
  expect(ending(await stdio(env))).toEqual({ code: 4, out: '' })

  const other = emptyHome()
  await runMain(['init'], { ...bare, REMIT_HOME: other })
  copyFileSync(join(other, 'registration.json'), join(copy, 'registration.json'))
  const ran = await stdio(env)
  expect(ending(ran)).toEqual({ code: 4, out: '' })
  expect(ran.err).toContain('remit init --recover')
})

test('two credentials in the environment end the start, both named', async () => {
  const own = await home()
  const secret = String(jsonFile(own.file(local))['secret'])
  const agent = { REMIT_AGENT_ID: own.made.local.agent_id, REMIT_AGENT_SECRET: secret }
  const rows: Env[] = [
    { ...own.env(local), ...agent },
    { ...own.env(local), REMIT_TOKEN: '' },
    { ...own.env(local), REMIT_API_KEY_FILE: '${API_KEY_FILE}' },
  ]
  const ran = await Promise.all(rows.map(stdio))
  expect(ran.map(ending)).toEqual(rows.map(() => ({ code: 2, out: '' })))
  const named = ran.map(({ err }) => [...new Set(err.match(/REMIT_[A-Z_]+/g))].toSorted())
  expect(named).toEqual([
    ['REMIT_AGENT_ID', 'REMIT_AGENT_SECRET', 'REMIT_CREDENTIAL_FILE'],
    ['REMIT_CREDENTIAL_FILE', 'REMIT_TOKEN'],
    ['REMIT_API_KEY_FILE', 'REMIT_CREDENTIAL_FILE'],
  ])
  expect(ran[0]?.err).not.toContain(secret.slice(8))
})

test.each<[string, Env, RegExp]>([
  ['none', {}, /No credential is in the environment/],
  ['one that nothing expanded', { REMIT_API_KEY: '${API_KEY}' }, /REMIT_API_KEY.*nothing expanded/],
  ['an empty one', { REMIT_TOKEN: '' }, /REMIT_TOKEN is set but empty/],
  ['a file that is not there', { REMIT_CREDENTIAL_FILE: 'credentials/x.json' }, /does not exist/],
  ['a dead token', { REMIT_TOKEN: 'eyJhbGciOiJFZERTQSJ9.e30.c2ln' }, /REMIT_TOKEN holds a secret/],
])('with %s for a credential it starts, and answers nobody', async (_, env, said) => {
  const own = await home()
  const server = await serve({ ...own.env(), ...env })
  expect(await server.tools()).toEqual(['whoami', 'claim_handoff'])
  expect((await server.call('whoami')).result).toMatchObject({
    error: { code: expect.stringMatching(/^invalid_(client|token)$/), remedy: expect.any(Object) },
  })
  expect((await server.client.readResource({ uri: 'remit://jwks' })).contents).toHaveLength(1)
  expect(server.stderr()).toMatch(said)
  const { meta } = await own.agent(server, 'helper', ['demo:read'])
  expect((await server.call('whoami', {}, meta)).result).toMatchObject({
    agent: { name: 'helper' },
  })
})

test('with a revoked credential it starts, and says on stderr that it is dead', async () => {
  const own = await home()
  const credential_id = String(jsonFile(own.file(local))['credential_id'])
  const revoke = ['revoke-credential', '--credential-id', credential_id, '--cause', 'lost']
  expect((await own.run(revoke)).code).toBe(0)
  const server = await serve(own.env(local))
  expect(await server.tools()).toEqual(['whoami', 'claim_handoff'])
  expect((await server.call('whoami')).code).toBe('invalid_client')
  expect(server.stderr()).toContain('The credential in the environment is revoked')
})

test('the administrator’s credential is warned of on stderr and in whoami', async () => {
  const server = await serve((await home()).env(admin))
  const { result } = await server.call('whoami')
  expect(result['warnings']).toEqual([expect.stringContaining('administrator')])
  expect(server.stderr()).toContain('administrator')
})

test('a secret by value works, is warned of, and is not repeated', async () => {
  const own = await home()
  const secret = String(jsonFile(own.file(local))['secret'])
  const agent = { REMIT_AGENT_ID: own.made.local.agent_id, REMIT_AGENT_SECRET: secret }
  const server = await serve({ ...own.env(), ...agent })
  const { result } = await server.call('whoami')
  expect(result).toMatchObject({
    agent: { name: 'local' },
    warnings: [expect.stringContaining('REMIT_AGENT_SECRET_FILE')],
  })
  expect(server.stderr()).toContain('REMIT_AGENT_SECRET_FILE')
  expect(server.stderr() + JSON.stringify(result)).not.toContain(secret.slice(8))
})

test('a revoked registration makes the next call of every process unavailable', async () => {
  const own = await home()
  const servers = [
    await serve(own.env(admin)),
    await serve(own.env(local)),
    await serve(own.env(local)),
  ]
  const codes = () => Promise.all(servers.map(async (each) => (await each.call('whoami')).code))
  expect(await codes()).toEqual(['allowed', 'allowed', 'allowed'])
  const revoke = { server: own.made.server_id, cause: 'test' }
  expect((await servers[0]?.call('revoke_registration_credential', revoke))?.code).toBe('allowed')
  expect(await codes()).toEqual(['unavailable', 'unavailable', 'unavailable'])

  const ran = await stdio(own.env(local))
  expect(ending(ran)).toEqual({ code: 4, out: '' })
  expect(ran.err).toContain('remit init --recover')
  expect((await own.run(['init', '--recover', '--json'])).json).toMatchObject({
    registration: 'renewed',
  })
  expect((await (await serve(own.env(local))).call('whoami')).code).toBe('allowed')
})

test('stdout carries the protocol alone and stderr no secret, whatever is called', async () => {
  const own = await home()
  const secrets = [admin, local].map((name) => String(jsonFile(own.file(name))['secret']))
  const env = { ...own.env(admin), REMIT_LOG_LEVEL: 'debug', REMIT_UNKNOWN: 'x' }
  const server = start(['stdio'], env)
  const forged = {
    'dev.remit/agent_id': own.made.local.agent_id,
    'dev.remit/agent_secret': secrets[0],
  }
  const calls: [string, object, object?][] = [
    ['mint_token', { scopes: ['demo:read'], delivery: 'meta' }],
    ['mint_token', { scopes: ['demo:read'], delivery: 'file' }],
    ['rotate_credential', { delivery: 'meta', overlap_seconds: 60 }],
    ['whoami', {}, forged],
    ['whoami', { act_as: secrets[0] }],
    ['revoke_token', { agent: 'local', cause: secrets[1] }],
    ['register_agent', { name: 'x' }],
    [String(secrets[1]), {}],
  ]
  const lines = calls.map(([name, args, _meta = {}], id) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args, _meta },
  }))
  server.stdin.end([opening, ...lines, `broken ${secrets[0]}`].map(asLine).join(''))
  const { code, out, err } = await server.ended
  expect(code).toBe(0)
  const replies = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { jsonrpc: string })
  expect(replies).toHaveLength(calls.length + 2)
  expect(new Set(replies.map(({ jsonrpc }) => jsonrpc))).toEqual(new Set(['2.0']))
  expect(err).toContain('REMIT_UNKNOWN')
  for (const secret of secrets) expect(err + out).not.toContain(secret.slice(8))
  expect(err).not.toMatch(/eyJ|rmt_/)
})

const asLine = (message: unknown): string =>
  `${typeof message === 'string' ? message : JSON.stringify(message)}\n`

/** What lies where the store is, or should be; undefined where nothing does. */
function storeOf({ file, rows }: Home): unknown {
  if (isOnPostgres()) return rows(tables).map(({ name }) => [name, rows(`select * from ${name}`)])
  try {
    return readFileSync(file('remit.db'), 'base64')
  } catch {
    return undefined
  }
}

const tables = `
  select table_name as name from information_schema.tables
  where table_schema = 'public' order by 1`
const emptied = 'drop schema public cascade; create schema public'
const notes = 'create table notes (text text)'

function away(path: string): void {
  writeFileSync(path, 'postgres://nobody@127.0.0.1:1/remit', { mode: 0o600 })
}

function overwrite(file: Home['file'], text: string): void {
  writeFileSync(file('remit.db'), text)
}

function foreign(path: string): void {
  rmSync(path)
  writeFileSync(path, '', { mode: 0o600 })
  const db = new Database(path)
  db.exec(notes)
  db.close()
}

function otherKey(path: string): void {
  writeFileSync(path, `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 })
}
