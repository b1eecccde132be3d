// The command line through the real bin: what no test in one process sees — exit codes, streams, files and
// the process itself.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bare, emptyHome, home, jsonFile, local, main, runMain } from './support.ts'
import type { Env, Home } from './support.ts'

const asLocal = { env: { REMIT_CREDENTIAL_FILE: local } }

test('init makes a store once, prints what it made, and refuses the second time', async () => {
  const path = emptyHome()
  const env = { ...bare, REMIT_HOME: path }
  const first = await runMain(['init', '--org', 'acme', '--json'], env)
  expect([first.code, first.err]).toEqual([0, ''])
  expect(first.json).toEqual({
    org_id: expect.stringMatching(/^org_/),
    server_id: expect.stringMatching(/^srv_/),
    admin: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: `${path}/credentials/admin.json`,
    },
    local: {
      agent_id: expect.stringMatching(/^agt_/),
      credential_file: `${path}/credentials/local.json`,
    },
  })
  const before = readFileSync(`${path}/credentials/admin.json`, 'utf8')
  const again = await runMain(['init'], env)
  expect([again.code, again.out]).toEqual([6, ''])
  expect(again.err).toContain('(conflict)')
  expect(readFileSync(`${path}/credentials/admin.json`, 'utf8')).toBe(before)
})

// One of each kind: that every failure has its code, the command line shows in one process.
test('exit codes tell what kind of answer it was', async () => {
  const own = await home()
  const code = async (line: string, env?: Env) =>
    (await own.run(line.split(' '), env && { env })).code
  expect({
    version: await code('--version'),
    'bad setting': await code('whoami', { REMIT_TOKEN_MAX: 'x' }),
    'denied decision': await code('check-permission --permissions audit:read', asLocal.env),
    'not authenticated': await code('whoami', { REMIT_TOKEN: 'x' }),
    'not found': await code('get-agent --agent nobody'),
    conflict: await code('register-resource-type --type demo --operations read --description d'),
    'no store': (await runMain(['whoami'], { ...bare, REMIT_HOME: emptyHome() })).code,
  }).toEqual({
    version: 0,
    'bad setting': 2,
    'denied decision': 3,
    'not authenticated': 4,
    'not found': 5,
    conflict: 6,
    'no store': 7,
  })
})

test('data goes to stdout and everything else to stderr, as JSON where that is asked for', async () => {
  const own = await home()
  const minted = await own.run(
    ['mint-token', '--scopes', 'demo:read', '--scopes', 'demo:write', '--json'],
    asLocal,
  )
  expect([minted.code, minted.err]).toEqual([0, ''])
  expect(minted.json).toMatchObject({ scopes: ['demo:read', 'demo:write'] })
  const refused = await own.run(['mint-token', '--scopes', 'audit:read', '--json'], asLocal)
  expect([refused.code, refused.out]).toEqual([3, ''])
  expect(JSON.parse(refused.err)).toMatchObject({
    error: { code: 'exceeds_ceiling', missing: ['audit:read'] },
  })
  const people = await own.run(['mint-token', '--scopes', 'audit:read'], asLocal)
  expect([people.code, people.out]).toEqual([3, ''])
  expect(people.err).toContain('missing: audit:read')
})

test('arguments come whole from stdin, and the new secret lies in a private file', async () => {
  const own = await home()
  const agent = {
    name: 'writer',
    description: 'Writes.',
    owner: 'ops',
    ceiling: ['demo:write'],
    credential: { kind: 'secret' },
  }
  const { code, json, out } = await own.run(['register-agent', '--input', '-', '--json'], {
    input: JSON.stringify(agent),
  })
  expect(code).toBe(0)
  expect(out).not.toMatch(/rmt_/)
  const { path } = json['delivery'] as { path: string }
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600')
  const who = await own.run(['whoami', '--json'], { env: { REMIT_CREDENTIAL_FILE: path } })
  expect(who.json).toMatchObject({ agent: { name: 'writer' } })
  const broken = await own.run(['register-agent', '--input', '-'], { input: 'name: writer' })
  expect([broken.code, broken.out]).toEqual([2, ''])
})

test('a secret is no value of any flag; a file or stdin holds it', async () => {
  const own = await home()
  const minted = await own.run([
    'mint-token',
    '--scopes',
    'demo:read',
    '--delivery',
    'file',
    '--json',
  ])
  const { path } = minted.json['delivery'] as { path: string }
  const token = readFileSync(path, 'utf8')
  const secret = String(jsonFile(own.file(local))['secret'])
  for (const flags of [
    ['introspect-token', '--token', token],
    ['introspect-token', '--token-id', token],
    ['claim-handoff', '--handoff', secret],
    ['revoke-token', '--agent', 'local', '--cause', secret],
  ]) {
    const { code, out, err } = await own.run(flags)
    expect([flags[0], code, out]).toEqual([flags[0], 2, ''])
    expect(err).not.toContain(token.slice(-20))
    expect(err).not.toContain(secret.slice(8))
  }
  const fromFile = await own.run(['introspect-token', '--token-file', path, '--json'])
  const fromStdin = await own.run(['introspect-token', '--token-file', '-', '--json'], {
    input: token,
  })
  expect([fromFile.json['active'], fromStdin.json['active']]).toEqual([true, true])
})

test('a rotation with a file replaces that file, and the next command just works', async () => {
  const own = await home()
  const before = jsonFile(own.file(local))
  const rotate = ['rotate-credential', '--overlap-seconds', '0', '--json']
  const { code, json } = await own.run(rotate, asLocal)
  expect([code, json['delivery']]).toEqual([0, { kind: 'file', path: own.file(local) }])
  expect(jsonFile(own.file(local))).toMatchObject({
    agent_id: before['agent_id'],
    credential_id: json['credential_id'],
  })
  expect((await own.run(['whoami'], asLocal)).code).toBe(0)
  writeFileSync(own.file('old.json'), JSON.stringify(before), { mode: 0o600 })
  const old = await own.run(['whoami'], { env: { REMIT_CREDENTIAL_FILE: 'old.json' } })
  expect(old.code).toBe(4)
})

test('doctor is well with a new store, and names what was damaged', async () => {
  const own = await home()
  expect((await own.run(['doctor', '--json'])).json['ok']).toBe(true)
  rmSync(own.file('master.key'))
  const { code, out } = await own.run(['doctor'])
  expect(code).toBe(1)
  expect(out).toMatch(/problem {2}master key: .*does not exist/)
})

test('audit verify counts every event, and shows an edited one', async () => {
  const own = await home()
  const minted = await own.run(['mint-token', '--scopes', 'demo:read'])
  expect(minted.code).toBe(0)
  const whole = await own.run(['audit', 'verify', '--json'])
  expect([whole.code, whole.json['ok']]).toEqual([0, true])
  expect(whole.json['count']).toBe(eventsOf(own))
  const first_bad_seq = alterAudit(own)
  const { code, json } = await own.run(['audit', 'verify', '--json'])
  expect(code).toBe(1)
  expect(json['ok']).toBe(false)
  const chains = json['chains'] as readonly { what?: string }[]
  expect(chains.filter(({ what }) => what !== undefined)).toMatchObject([
    { first_bad_seq, what: 'edited' },
  ])
})

test('recovery gives the administrator and this server new credentials for lost ones', async () => {
  const own = await home()
  const lost = jsonFile(own.file('credentials/admin.json'))
  rmSync(own.file('credentials/admin.json'))
  rmSync(own.file('registration.json'))
  expect((await own.run(['whoami'])).code).toBe(4)
  const recovered = await own.run(['init', '--recover', '--json'])
  expect(recovered.json).toMatchObject({
    org_id: own.made.org_id,
    admin: {
      agent_id: own.made.admin.agent_id,
      credential_file: own.file('credentials/admin.json'),
    },
    registration: 'renewed',
  })
  expect((await own.run(['whoami', '--json'])).json).toMatchObject({ agent: { name: 'admin' } })
  expect((await own.run(['audit', 'verify'])).code).toBe(0)
  const present = jsonFile(own.file('credentials/admin.json'))
  expect(present['credential_id']).not.toBe(lost['credential_id'])
})

test('the built file is a command of its own', () => {
  expect(readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true)
  expect(statSync(main).mode & 0o111).not.toBe(0)
})

/** The newest event; answers its number in its chain. */
function alterAudit({ alter, first }: Home): unknown {
  const newest = 'id = (select max(id) from audit_events)'
  alter(`update audit_events set code = 'x' where ${newest}`)
  return first(`select seq from audit_events where ${newest}`)
}

const eventsOf = ({ first }: Home): unknown => first('select count(*) from audit_events')
