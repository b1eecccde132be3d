// The environment's credential: one source, read once, decided strictly (authority: rules 8 to 10 and 35).
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { takeEnvironmentCredential } from '../../src/authority/environment.ts'
import { newId } from '../../src/core/id.ts'
import { Refusal } from '../../src/core/refusal.ts'
import { generateKeyPair, privateJwkOf } from '../../src/crypto/private-jwk.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { temporaryFolder } from '../support/temporary.ts'

const agentId = newId('agt')
const secret = newSecret('agent_secret').reveal()
const apiKey = newSecret('api_key').reveal()

const place = mkdtempSync(join(tmpdir(), 'remit-test-'))
afterAll(() => rmSync(place, { recursive: true }))
let made = 0

function file(text: string, mode = 0o600): string {
  made += 1
  const path = join(place, `file-${made}`)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const credentialText = (change: object = {}) =>
  JSON.stringify({ agent_id: agentId, credential_id: newId('crd'), secret, ...change })

const take = (env: Record<string, string>, home = '/nowhere') =>
  takeEnvironmentCredential({ ...env }, home)

test('nothing is nothing', () => {
  expect(take({ PATH: '/bin' })).toEqual({ presented: { kind: 'nothing' }, warnings: [] })
})

test.each([
  [
    { REMIT_AGENT_ID: agentId, REMIT_AGENT_SECRET_FILE: file(`${secret}\n`) },
    { kind: 'secret', agentId, presentedSecret: secret },
  ],
  [
    { REMIT_AGENT_ID: agentId, REMIT_CLIENT_ASSERTION_FILE: file('a.b.c') },
    { kind: 'assertion', agentId, presentedAssertion: 'a.b.c' },
  ],
  [{ REMIT_API_KEY_FILE: file(apiKey) }, { kind: 'api_key', presentedSecret: apiKey }],
  [{ REMIT_TOKEN_FILE: file('a.b.c\r\n') }, { kind: 'token', presentedToken: 'a.b.c' }],
] as const)('%# a source is presented, without a warning', (env, presented) => {
  expect(take(env)).toEqual({ presented, warnings: [] })
})

test.each([
  ['REMIT_AGENT_SECRET', { REMIT_AGENT_ID: agentId, REMIT_AGENT_SECRET: secret }, 'secret'],
  ['REMIT_API_KEY', { REMIT_API_KEY: apiKey }, 'api_key'],
  ['REMIT_CLIENT_ASSERTION', { REMIT_AGENT_ID: agentId, REMIT_CLIENT_ASSERTION: 'a' }, 'assertion'],
  ['REMIT_TOKEN', { REMIT_TOKEN: 'a.b.c' }, 'token'],
])('%s by value is presented, and warned about by name', (name, env, kind) => {
  const { presented, warnings } = take(env)
  expect(presented.kind).toBe(kind)
  expect(warnings).toEqual([expect.stringContaining(`${name}_FILE`)])
  expect(warnings.join()).not.toContain(secret)
})

test('a secret of another class is passed on, to be refused where callers are', () => {
  const registration = newSecret('registration').reveal()
  expect(take({ REMIT_AGENT_ID: agentId, REMIT_AGENT_SECRET: registration }).presented).toEqual({
    kind: 'secret',
    agentId,
    presentedSecret: registration,
  })
})

test('a credential file is found from the home, and remembered', () => {
  const home = temporaryFolder()
  mkdirSync(join(home, 'credentials'))
  const path = join(home, 'credentials', 'local.json')
  writeFileSync(path, credentialText(), { mode: 0o600 })
  const expected = {
    presented: { kind: 'secret', agentId, presentedSecret: secret },
    warnings: [],
    credentialFile: path,
  }
  expect(take({ REMIT_CREDENTIAL_FILE: 'credentials/local.json' }, home)).toEqual(expected)
  expect(take({ REMIT_CREDENTIAL_FILE: path })).toEqual(expected)
})

test('a credential file may hold an API key', () => {
  const path = file(credentialText({ secret: apiKey }))
  expect(take({ REMIT_CREDENTIAL_FILE: path }).presented).toEqual({
    kind: 'api_key',
    presentedSecret: apiKey,
  })
})

test('all of it leaves the environment, and nothing else does', () => {
  const env: Record<string, string> = {
    REMIT_AGENT_ID: agentId,
    REMIT_AGENT_SECRET: secret,
    REMIT_HOME: '/h',
    PATH: '/bin',
  }
  takeEnvironmentCredential(env, '/h')
  expect(env).toEqual({ REMIT_HOME: '/h', PATH: '/bin' })
})

test('it leaves the environment even where the start ends', () => {
  const env: Record<string, string> = { REMIT_API_KEY: apiKey, REMIT_TOKEN: 'a' }
  expect(() => takeEnvironmentCredential(env, '/h')).toThrow(Refusal)
  expect(env).toEqual({})
})

const id = { REMIT_AGENT_ID: agentId }
test.each<[string, Record<string, string>]>([
  ['REMIT_API_KEY, REMIT_TOKEN', { REMIT_API_KEY: apiKey, REMIT_TOKEN: 'a.b.c' }],
  ['REMIT_API_KEY, REMIT_API_KEY_FILE', { REMIT_API_KEY: apiKey, REMIT_API_KEY_FILE: '/f' }],
  ['REMIT_API_KEY, REMIT_TOKEN', { REMIT_API_KEY: apiKey, REMIT_TOKEN: '' }],
  ['REMIT_TOKEN, REMIT_API_KEY', { REMIT_API_KEY: '', REMIT_TOKEN: 'a.b.c' }],
  ['REMIT_API_KEY, REMIT_TOKEN', { REMIT_API_KEY: apiKey, REMIT_TOKEN: '  ' }],
  ['REMIT_API_KEY, REMIT_TOKEN_FILE', { REMIT_API_KEY: apiKey, REMIT_TOKEN_FILE: '${FILE}' }],
  ['REMIT_API_KEY, REMIT_AGENT_ID', { REMIT_API_KEY: apiKey, ...id }],
  ['REMIT_API_KEY, REMIT_AGENT_ID', { REMIT_API_KEY: apiKey, REMIT_AGENT_ID: '' }],
  ['REMIT_CREDENTIAL_FILE, REMIT_AGENT_ID', { REMIT_CREDENTIAL_FILE: '/f', ...id }],
  [
    'REMIT_CREDENTIAL_FILE, REMIT_AGENT_SECRET',
    { REMIT_CREDENTIAL_FILE: '/f', REMIT_AGENT_SECRET: secret },
  ],
  [
    'REMIT_AGENT_SECRET, REMIT_CLIENT_ASSERTION',
    { ...id, REMIT_AGENT_SECRET: secret, REMIT_CLIENT_ASSERTION: 'a' },
  ],
])('%s: two methods end the start, named without their values', (names, env) => {
  let thrown: unknown
  try {
    take(env)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({
    code: 'invalid_request',
    message: `The environment must name one credential, not several: ${names}.`,
  })
})

test('what is only unexpanded counts as unset, and is named', () => {
  const env = { REMIT_AGENT_ID: '${AGENT_ID}', REMIT_AGENT_SECRET: '${AGENT_SECRET}' }
  expect(take(env)).toEqual({
    presented: { kind: 'nothing' },
    warnings: [
      expect.stringContaining('REMIT_AGENT_ID'),
      expect.stringContaining('REMIT_AGENT_SECRET'),
    ],
  })
})

test.each<[string, Record<string, string>]>([
  ['an empty variable', { REMIT_TOKEN: '' }],
  ['an empty file name', { REMIT_CREDENTIAL_FILE: '' }],
  ['an id alone', { REMIT_AGENT_ID: agentId }],
  ['an id with an unexpanded secret', { REMIT_AGENT_ID: agentId, REMIT_AGENT_SECRET: '${S}' }],
  ['a secret without its id', { REMIT_AGENT_SECRET: secret }],
  ['a secret with a name for an id', { REMIT_AGENT_SECRET: secret, REMIT_AGENT_ID: 'admin' }],
  ['a secret with an unexpanded id', { REMIT_AGENT_SECRET: secret, REMIT_AGENT_ID: '${ID}' }],
  ['a token that is too long', { REMIT_TOKEN: 'a'.repeat(64 * 1024 + 1) }],
  ['a file that is missing', { REMIT_TOKEN_FILE: '/nowhere/token' }],
  ['a folder', { REMIT_TOKEN_FILE: tmpdir() }],
  ['a device', { REMIT_TOKEN_FILE: '/dev/null' }],
  ['an empty file', { REMIT_TOKEN_FILE: file('') }],
  ['a file open to the group', { REMIT_TOKEN_FILE: file('a', 0o640) }],
  ['a file open to others', { REMIT_TOKEN_FILE: file('a', 0o604) }],
  ['a file that is too large', { REMIT_TOKEN_FILE: file('a'.repeat(64 * 1024 + 1)) }],
  ['a credential file of no JSON', { REMIT_CREDENTIAL_FILE: file('secret') }],
  ['a credential file of null', { REMIT_CREDENTIAL_FILE: file('null') }],
  [
    'a credential file without a secret',
    { REMIT_CREDENTIAL_FILE: file(credentialText({ secret: '' })) },
  ],
  [
    'a credential file without an id',
    { REMIT_CREDENTIAL_FILE: file(credentialText({ agent_id: 7 })) },
  ],
])('%s cannot be used: the start goes on, and says so', (_name, env) => {
  const { presented, warnings, credentialFile } = take(env)
  expect(presented).toEqual({ kind: 'unusable' })
  expect(warnings.at(-1)).toContain('every call is refused')
  expect(warnings.length).toBeGreaterThan(1)
  expect(warnings.join()).not.toContain(secret)
  expect(credentialFile).toBeUndefined()
})

const makePipe = 'mkfifo'

test('links and pipes are not read', () => {
  const target = file('a.b.c')
  const folder = temporaryFolder()
  const link = join(folder, 'link')
  const pipe = join(folder, 'pipe')
  symlinkSync(target, link)
  execFileSync(makePipe, ['-m', '600', pipe])
  for (const path of [link, pipe]) {
    expect(take({ REMIT_TOKEN_FILE: path }).presented).toEqual({ kind: 'unusable' })
  }
  linkSync(target, join(folder, 'second name'))
  expect(take({ REMIT_TOKEN_FILE: target }).presented.kind).toBe('token')
})

test('a private key is taken from its file in every form that it is kept in, and never by value', () => {
  const pair = generateKeyPair('ES256', 'mine')
  const jwk = privateJwkOf(pair)
  const pem = String(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const inFile = { agent_id: agentId, credential_id: newId('crd'), private_jwk: jwk }
  const ways: Record<string, string>[] = [
    { REMIT_CREDENTIAL_FILE: file(JSON.stringify(inFile)) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(JSON.stringify(inFile)) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(JSON.stringify(jwk)) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(pem) },
  ]
  for (const env of ways) {
    const { presented, warnings } = take(env)
    const { thumbprint } = pair
    const presentedKey = expect.objectContaining({ thumbprint }) as unknown
    expect(presented).toEqual({ kind: 'private_key', agentId, presentedKey })
    expect(warnings).toEqual([])
  }
  const weak = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
  const bad: Record<string, string>[] = [
    { REMIT_PRIVATE_KEY_FILE: file(pem) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(pem, 0o644) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(JSON.stringify(pair.publicJwk)) },
    { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file('a key') },
    {
      REMIT_AGENT_ID: agentId,
      REMIT_PRIVATE_KEY_FILE: file(String(weak.export({ format: 'pem', type: 'pkcs8' }))),
    },
  ]
  for (const env of bad) expect(take(env).presented).toEqual({ kind: 'unusable' })
  const two = { REMIT_AGENT_ID: agentId, REMIT_PRIVATE_KEY_FILE: file(pem), REMIT_API_KEY: apiKey }
  expect(() => take(two)).toThrow(Refusal)
})
