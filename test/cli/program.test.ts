// The command line from end to end: a store is made, looked at, used and mended.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { commandLine, initialised } from './command.ts'

test('init prints what it made, and refuses a second time', async () => {
  const run = commandLine()
  const { code, json, err } = await run('init --org acme --json')
  expect([code, err]).toEqual([0, ''])
  expect(json).toEqual({
    org_id: expect.stringMatching(/^org_/),
    server_id: expect.stringMatching(/^srv_/),
    admin: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: join(run.home, 'credentials/admin.json'),
    },
    local: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: join(run.home, 'credentials/local.json'),
    },
  })
  const again = await run('init')
  expect([again.code, again.out]).toEqual([6, ''])
  expect(again.err).toContain('(conflict)')
})

test('without an environment an operation runs as the administrator', async () => {
  const run = await initialised()
  const { code, json } = await run('whoami --json')
  expect(code).toBe(0)
  expect(json).toMatchObject({
    agent: { name: 'admin' },
    warnings: [expect.stringContaining('administrator')],
  })
})

test('a credential that is named is used, and never replaced by another', async () => {
  const run = await initialised()
  const local = { REMIT_CREDENTIAL_FILE: 'credentials/local.json' }
  expect((await run('whoami --json', local)).json).toMatchObject({ agent: { name: 'local' } })
  const missing = await run('whoami', { REMIT_CREDENTIAL_FILE: 'credentials/none.json' })
  expect([missing.code, missing.out]).toEqual([4, ''])
  expect(missing.err).toContain('does not exist')
})

test('two credentials in the environment are a usage error', async () => {
  const run = await initialised()
  const { code, err } = await run('whoami', { REMIT_TOKEN: 'a', REMIT_API_KEY: 'b' })
  expect(code).toBe(2)
  expect(err).toContain('REMIT_API_KEY, REMIT_TOKEN')
})

test('exit codes tell the kinds of failure apart', async () => {
  const run = await initialised()
  const local = { REMIT_CREDENTIAL_FILE: 'credentials/local.json' }
  const codes = async (line: string, env?: Record<string, string>) => (await run(line, env)).code
  expect({
    'unknown command': await codes('whoareyou'),
    'unknown option': await codes('whoami --loud'),
    'missing value': await codes('get-agent --agent'),
    'no number': await codes('mint-token --scopes demo:read --ttl-seconds soon'),
    'missing argument': await codes('get-agent'),
    'bad setting': await codes('whoami', { REMIT_TOKEN_MAX: 'x' }),
    denied: await codes('server-status', local),
    'denied decision': await codes('check-permission --permissions agents:read', local),
    'allowed decision': await codes('check-permission --permissions demo:read', local),
    'not authenticated': await codes('whoami', { REMIT_TOKEN: 'x' }),
    'bad scope': await codes('mint-token --scopes demo'),
    'not found': await codes('get-agent --agent nobody'),
    conflict: await codes('register-resource-type --type demo --operations read --description d'),
    'no store': (await commandLine()('whoami')).code,
    help: await codes('--help'),
    version: await codes('--version'),
  }).toEqual({
    'unknown command': 2,
    'unknown option': 2,
    'missing value': 2,
    'no number': 2,
    'missing argument': 2,
    'bad setting': 2,
    denied: 3,
    'denied decision': 3,
    'allowed decision': 0,
    'not authenticated': 4,
    'bad scope': 2,
    'not found': 5,
    conflict: 6,
    'no store': 7,
    help: 0,
    version: 0,
  })
})

test('a refusal is JSON on stderr where JSON was asked for', async () => {
  const run = await initialised()
  const { code, out, err } = await run('get-agent --agent nobody --json')
  expect([code, out]).toEqual([5, ''])
  expect(JSON.parse(err)).toMatchObject({ error: { code: 'not_found' } })
})

test('lists are repeated flags, numbers are numbers', async () => {
  const run = await initialised()
  const { code, json } = await run(
    'mint-token --scopes demo:read --scopes demo:write --ttl-seconds 60 --json',
  )
  expect(code).toBe(0)
  expect(json).toMatchObject({ scopes: ['demo:read', 'demo:write'], delivery: { kind: 'handle' } })
  expect(Number(json['expires_at']) * 1000 - Date.now()).toBeLessThan(61_000)
})

test('what is nested comes from --input, and the new secret goes to a file', async () => {
  const run = await initialised()
  const input = join(run.home, 'agent.json')
  const agent = {
    name: 'writer',
    description: 'Writes.',
    owner: 'ops',
    ceiling: ['demo:write'],
    credential: { kind: 'secret' },
  }
  writeFileSync(input, JSON.stringify(agent))
  const { code, json, err } = await run(`register-agent --input ${input} --json`)
  expect([code, err]).toEqual([0, ''])
  const { path } = json['delivery'] as { path: string }
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ agent_id: json['agent_id'] })
  const writer = await run('whoami --json', { REMIT_CREDENTIAL_FILE: path })
  expect(writer.json).toMatchObject({ agent: { name: 'writer' } })
})

test('a token is read from a file, never from a flag', async () => {
  const run = await initialised()
  const minted = await run('mint-token --scopes demo:read --delivery file --json')
  const { path } = minted.json['delivery'] as { path: string }
  expect((await run('introspect-token --token x')).code).toBe(2)
  const { json } = await run(`introspect-token --token-file ${path} --json`)
  expect(json).toMatchObject({ active: true, scope: 'demo:read' })
})

test('the tree is drawn, other results are lines and tables', async () => {
  const run = await initialised()
  await run('mint-token --scopes demo:read')
  const tree = await run('delegation-tree')
  expect(tree.out).toContain('admin')
  expect(tree.out).not.toContain('nodes')
  const agents = await run('list-agents')
  expect(agents.out).toMatch(/^agents:\n {2}id +name /)
})

test('rotating the administrator replaces its file, so that the next command works', async () => {
  const run = await initialised()
  const { code, json } = await run('rotate-credential --overlap-seconds 0 --json')
  expect(code).toBe(0)
  expect(json['delivery']).toEqual({ kind: 'file', path: join(run.home, 'credentials/admin.json') })
  expect((await run('whoami')).code).toBe(0)
})

test('every operation has a command with help', async () => {
  const run = commandLine()
  const { out: help } = await run('--help')
  for (const { name, title } of operations) {
    expect(help).toContain(name.replaceAll('_', '-'))
    expect(help).toContain(title)
    const { code, out } = await run(`${name.replaceAll('_', '-')} --help`)
    expect([code, out]).toEqual([0, expect.stringContaining('--input')])
  }
})

test('doctor finds nothing wrong with a new store, and says what it looked at', async () => {
  const run = await initialised()
  const { code, json } = await run('doctor --json')
  expect(json['findings']).toEqual(
    expect.not.arrayContaining([expect.objectContaining({ state: 'problem' })]),
  )
  expect(code).toBe(0)
  const about = (json['findings'] as { about: string }[]).map((finding) => finding.about)
  expect([...new Set(about)]).toEqual([
    'environment',
    'home',
    'master key',
    'store',
    'records',
    'registration',
    'audit',
    'clock',
    'checkpoints',
    'credentials',
  ])
})

test.each<[string, (home: string) => void, RegExp]>([
  ['a home open to others', (home) => chmodSync(home, 0o755), /home: .*chmod 700/],
  [
    'a credential open to others',
    (home) => chmodSync(join(home, 'credentials/local.json'), 0o644),
    /home: .*local\.json.*chmod 600/,
  ],
  ['no master key', (home) => rmSync(join(home, 'master.key')), /master key: .*does not exist/],
  ['no store', (home) => rmSync(join(home, 'remit.db')), /store: .*remit init/],
  [
    'no registration',
    (home) => rmSync(join(home, 'registration.json')),
    /registration: .*remit init --recover/,
  ],
])('doctor finds %s', async (_name, damage, expected) => {
  const run = await initialised()
  damage(run.home)
  const { code, out } = await run('doctor')
  expect(code).toBe(1)
  expect(out).toMatch(expected)
})

test('doctor names a secret in the environment, not its value', async () => {
  const run = await initialised()
  const { code, out } = await run('doctor', { REMIT_TOKEN: 'very.secret.token' })
  expect(code).toBe(0)
  expect(out).toContain('warning  environment: REMIT_TOKEN holds a secret by value')
  expect(out).not.toContain('very')
})

test('a lost registration stops every command with exit 4, until it is recovered', async () => {
  const run = await initialised()
  expect((await run('whoami')).code).toBe(0)
  rmSync(join(run.home, 'registration.json'))
  const lost = await run('whoami')
  expect(lost.code).toBe(4)
  expect(lost.err).toContain('remit init --recover')
  expect((await run('init --recover --json')).json).toMatchObject({ registration: 'renewed' })
  expect((await run('whoami')).code).toBe(0)
})

test('a revoked registration stops every command with exit 4, until it is recovered', async () => {
  const run = await initialised()
  expect((await run('revoke-registration-credential --server remit --cause test')).code).toBe(0)
  const revoked = await run('whoami')
  expect(revoked.code).toBe(4)
  expect(revoked.err).toContain('remit init --recover')
  expect((await run('init --recover --json')).json).toMatchObject({ registration: 'renewed' })
  expect((await run('whoami')).code).toBe(0)
})

test('audit verify needs no registration and finds an edited event', async () => {
  const run = await initialised()
  await run('whoami')
  rmSync(join(run.home, 'registration.json'))
  expect((await run('audit verify --json')).json).toMatchObject({ ok: true })
  const { Database } = await import('../../src/store/driver.ts')
  const db = new Database(join(run.home, 'remit.db'))
  db.exec(`update audit_events set code = 'x' where seq = 2`)
  db.close()
  const { code, json } = await run('audit verify --json')
  expect(code).toBe(1)
  expect(json).toMatchObject({ ok: false, chains: [{ first_bad_seq: 2, what: 'edited' }] })
})
