// Settings are read strictly, and the table of them is complete.
import { join, resolve } from 'node:path'
import { homedir } from 'node:os'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { configurationTable, credentialVariables, readConfig } from '../src/config.ts'
import { Refusal } from '../src/core/refusal.ts'

const refusalOf = (env: Record<string, string>): Refusal => {
  try {
    readConfig({ REMIT_HOME: '/h', ...env })
  } catch (error) {
    if (error instanceof Refusal) return error
  }
  throw new Error('It was not refused.')
}

test('the defaults are the safe choice', () => {
  const { version, ...config } = readConfig({ REMIT_HOME: '/h' })
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
  expect(config).toEqual({
    home: '/h',
    revocation: 'live',
    tokenMax: 3600,
    grantMax: 86_400,
    http: {
      host: '127.0.0.1',
      port: 8420,
      allowedHosts: [],
      allowedOrigins: [],
      trustedProxies: [],
      perSource: 500,
      perCaller: 200,
      mostBodyBytes: 1_048_576,
      metrics: 'loopback',
    },
    actAs: 'optional',
    delivery: ['handle', 'meta', 'file', 'handoff', 'sealed'],
    auditChecks: 'batched',
    crlFiles: ['/h/ca/crl.pem'],
    maxChildren: 1000,
    maxGrantsPerRoot: 10_000,
    checkpoints: '/h/checkpoints.jsonl',
    logLevel: 'warn',
    warnings: [],
  })
})

test.each([
  [{}, join(homedir(), '.local/share/remit')],
  [{ XDG_DATA_HOME: '/data' }, '/data/remit'],
  [{ XDG_DATA_HOME: 'data' }, join(homedir(), '.local/share/remit')],
  [{ REMIT_HOME: '.remit' }, resolve('.remit')],
  [{ REMIT_HOME: '/h', XDG_DATA_HOME: '/data' }, '/h'],
])('%j: the home is %s', (env, home) => {
  expect(readConfig(env).home).toBe(home)
})

test('what is set is taken', () => {
  const config = readConfig({
    REMIT_HOME: '/h',
    REMIT_ISSUER: 'https://remit.example/a',
    REMIT_TOKEN_MAX: '60',
    REMIT_SCOPES: 'demo:read agents:read',
    REMIT_ACT_AS: 'required',
    REMIT_DELIVERY: 'handle, inline',
    REMIT_AUDIT_CHECKS: 'sync',
  })
  expect(config).toMatchObject({
    issuer: 'https://remit.example/a',
    tokenMax: 60,
    actAs: 'required',
    delivery: ['handle', 'inline'],
    auditChecks: 'sync',
  })
  expect(config.scopes?.map(({ text }) => text)).toEqual(['demo:read', 'agents:read'])
})

test.each([
  ['REMIT_HOME', ''],
  ['REMIT_HOME', '${HOME}/remit'],
  ['REMIT_TOKEN_MAX', '0'],
  ['REMIT_TOKEN_MAX', '86401'],
  ['REMIT_TOKEN_MAX', '1e3'],
  ['REMIT_TOKEN_MAX', '-1'],
  ['REMIT_TOKEN_MAX', ' 60'],
  ['REMIT_GRANT_MAX', 'day'],
  ['REMIT_SCOPES', ''],
  ['REMIT_SCOPES', ' '],
  ['REMIT_SCOPES', 'demo:read demo'],
  ['REMIT_SCOPES', 'demo:read,demo:write'],
  ['REMIT_SCOPES', '${SCOPES}'],
  ['REMIT_ACT_AS', 'yes'],
  ['REMIT_DELIVERY', ''],
  ['REMIT_DELIVERY', ','],
  ['REMIT_DELIVERY', 'handle sealde'],
  ['REMIT_DELIVERY', 'all'],
  ['REMIT_AUDIT_CHECKS', 'off'],
  ['REMIT_ISSUER', 'remit.example'],
  ['REMIT_ISSUER', 'ftp://remit.example'],
  ['REMIT_ISSUER', 'https://user:pass@remit.example'],
  ['REMIT_ISSUER', 'https://remit.example/?a=b'],
  ['REMIT_ISSUER', 'https://remit.example/#'],
  ['REMIT_LOG_LEVEL', 'loud'],
])('%s=%j is refused by name', (name, value) => {
  const refusal = refusalOf({ [name]: value })
  expect(refusal.code).toBe('invalid_request')
  expect(refusal.message).toContain(name)
})

test('a value is never repeated, since it may be a secret in the wrong place', () => {
  const secret = 'rmt_sec_0000'
  for (const name of ['REMIT_TOKEN_MAX', 'REMIT_SCOPES', 'REMIT_DELIVERY', 'REMIT_ISSUER']) {
    expect(JSON.stringify(refusalOf({ [name]: secret }).toError())).not.toContain(secret)
  }
})

test('all that is bad is named at once', () => {
  const { message } = refusalOf({ REMIT_TOKEN_MAX: 'x', REMIT_ACT_AS: 'x' })
  expect(message).toMatch(/REMIT_TOKEN_MAX .*REMIT_ACT_AS /)
})

test('the URL of the database leaves the environment, does not print itself and is warned about', () => {
  const url = 'postgres://remit:pass-word@db/remit'
  const env: Record<string, string> = { REMIT_HOME: '/h', REMIT_DATABASE_URL: url }
  const config = readConfig(env)
  expect(env).toEqual({ REMIT_HOME: '/h' })
  expect(config.databaseUrl?.()).toBe(url)
  expect(inspect(config) + JSON.stringify(config)).not.toContain('pass-word')
  expect(config.warnings).toEqual([expect.stringContaining('REMIT_DATABASE_URL_FILE')])
})

test.each([['mysql://db'], ['db.example'], ['']])('a URL that is none of PostgreSQL: %j', (url) => {
  expect(refusalOf({ REMIT_DATABASE_URL: url }).code).toBe('invalid_request')
})

test('the master key leaves the environment and does not print itself', () => {
  const env: Record<string, string> = { REMIT_HOME: '/h', REMIT_MASTER_KEY: 'a-key' }
  const config = readConfig(env)
  expect(env).toEqual({ REMIT_HOME: '/h' })
  expect(config.masterKey?.()).toBe('a-key')
  expect(inspect(config) + JSON.stringify(config)).not.toContain('a-key')
  expect(config.warnings).toEqual([expect.stringContaining('REMIT_MASTER_KEY_FILE')])
})

test('two master keys are one too many', () => {
  const refusal = refusalOf({ REMIT_MASTER_KEY: 'a', REMIT_MASTER_KEY_FILE: '/f' })
  expect(refusal.message).toContain('REMIT_MASTER_KEY and REMIT_MASTER_KEY_FILE')
})

test('a misspelt variable is named, by name only', () => {
  const { warnings } = readConfig({ REMIT_HOME: '/h', REMIT_SCOPE: 'demo:read', REMIT_TEST_X: '1' })
  expect(warnings).toEqual([expect.stringMatching(/^REMIT_SCOPE is not .*no effect/)])
})

test('the table names every variable once', () => {
  const rows = configurationTable().split('\n').slice(2)
  const names = rows.map((row) => /^\| `(REMIT_[A-Z_]+)` \|/.exec(row)?.[1])
  expect(names).toEqual([...new Set(names)])
  expect(names).toEqual(expect.arrayContaining(Object.keys(credentialVariables)))
  expect(names).toContain('REMIT_HOME')
  expect(rows.every((row) => row.split('|').length === 5 && !row.includes('undefined'))).toBe(true)
})
