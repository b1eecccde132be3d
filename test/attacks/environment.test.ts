// Authority, rules 8 to 10, at the start of a process: one source or none, never a guess between two.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeEnvironmentCredential } from '../../src/authority/environment.ts'
import { newId } from '../../src/core/id.ts'
import { exitCodeOf, Refusal } from '../../src/core/refusal.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { world } from '../support/world.ts'
import { named } from './attack.ts'

const agentId = newId('agt')
const secret = newSecret('agent_secret').reveal()
const apiKey = newSecret('api_key').reveal()

const methods = {
  REMIT_CREDENTIAL_FILE: 'credentials/local.json',
  REMIT_AGENT_SECRET: secret,
  REMIT_AGENT_SECRET_FILE: '/tmp/secret',
  REMIT_API_KEY: apiKey,
  REMIT_API_KEY_FILE: '/tmp/key',
  REMIT_CLIENT_ASSERTION: 'a.b.c',
  REMIT_CLIENT_ASSERTION_FILE: '/tmp/assertion',
  REMIT_TOKEN: 'a.b.c',
  REMIT_TOKEN_FILE: '/tmp/token',
} as const
type Name = keyof typeof methods
const names = Object.keys(methods) as Name[]

function refusedWith(env: Record<string, string>): Refusal {
  try {
    takeEnvironmentCredential(env, '/nowhere')
  } catch (error) {
    if (error instanceof Refusal) return error
  }
  throw new Error('The start went on.')
}

test('any two methods end the start with exit 2, naming both and no secret', () => {
  for (const one of names) {
    for (const other of names.filter((name) => name > one)) {
      const env = { [one]: methods[one], [other]: methods[other] }
      const refused = refusedWith(env)
      expect([exitCodeOf(refused.code), refused.message.includes(one)]).toEqual([2, true])
      expect(refused.message).toContain(other)
      for (const held of [secret, apiKey]) {
        expect(JSON.stringify(refused.toError())).not.toContain(held)
      }
      expect(env).toEqual({})
    }
  }
})

test('one that is empty or was not expanded beside another ends the start too', () => {
  for (const value of ['', ' ', '${REMIT_OTHER}', '${env:SECRET}']) {
    for (const one of names.filter((name) => name !== 'REMIT_TOKEN')) {
      const refused = refusedWith({ REMIT_TOKEN: 'a.b.c', [one]: value })
      expect([value, exitCodeOf(refused.code)]).toEqual([value, 2])
      expect(refused.message).toContain(one)
      expect(refused.message).toContain('REMIT_TOKEN')
    }
  }
})

test('one that was only not expanded counts as unset and is named; an empty one is unusable', () => {
  for (const name of names) {
    const unset = takeEnvironmentCredential({ [name]: '${SOMETHING}' }, '/nowhere')
    expect([name, unset.presented.kind, unset.warnings.join()]).toEqual([
      name,
      'nothing',
      expect.stringContaining(name),
    ])
    const empty = takeEnvironmentCredential({ [name]: '' }, '/nowhere')
    expect([name, empty.presented.kind, empty.warnings.join()]).toEqual([
      name,
      'unusable',
      expect.stringContaining(name),
    ])
  }
})

test('no credential file is used that was not named', () => {
  const home = temporaryFolder()
  mkdirSync(join(home, 'credentials'), { mode: 0o700 })
  const text = JSON.stringify({ agent_id: agentId, credential_id: newId('crd'), secret })
  for (const name of ['admin.json', 'local.json']) {
    writeFileSync(join(home, 'credentials', name), text, { mode: 0o600 })
  }
  expect(takeEnvironmentCredential({}, home)).toEqual({
    presented: { kind: 'nothing' },
    warnings: [],
  })
  const named = { REMIT_CREDENTIAL_FILE: 'credentials/local.json' }
  expect(takeEnvironmentCredential(named, home).presented.kind).toBe('secret')
  const missing = { REMIT_CREDENTIAL_FILE: 'credentials/missing.json' }
  expect(takeEnvironmentCredential(missing, home).presented.kind).toBe('unusable')
})

test('a secret given by value is a warning wherever callers look, and the value is in none', async () => {
  const env = { REMIT_API_KEY: apiKey }
  const { warnings } = takeEnvironmentCredential(env, '/nowhere')
  const w = await world({ settings: { warnings } })
  const answer = await w.result(named('whoami'), {}, w.local)
  const told = (answer as unknown as { warnings: readonly string[] }).warnings
  expect(told.join()).toContain('REMIT_API_KEY_FILE')
  expect(JSON.stringify(answer)).not.toContain(apiKey)
  expect(env).toEqual({})
})
