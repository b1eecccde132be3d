// add_credential: another way for an agent to prove itself, no wider than the caller's own authority.

import { describe, expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { world } from '../support/world.ts'
import {
  ask,
  askForAll,
  childOf,
  contents,
  expectDryRun,
  refuse,
  rootOf,
  whoami,
} from './asking.ts'

test('a secret for one’s own agent needs no permission', async () => {
  const w = await world()
  const asked = { agent: 'local', kind: 'secret', delivery: 'meta' }
  const { result, meta } = await askForAll(w, addCredential, asked, w.local)
  expect(result).toEqual({
    credential_id: expect.stringMatching(/^crd_/),
    delivery: { kind: 'meta' },
  })
  const presentedSecret = meta['dev.remit/secret'] ?? ''
  const as = { kind: 'secret', agentId: w.local.id, presentedSecret } as const
  expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { id: w.local.id } })
})

test.each([1_800_000_500, 'never'])('an API key that expires at %s', async (expires_at) => {
  const w = await world()
  const asked = { agent: 'local', kind: 'api_key', scopes: ['demo/a:read'], expires_at }
  const { credential_id, delivery } = await ask(w, addCredential, { ...asked, delivery: 'inline' })
  const presentedSecret = delivery?.secret ?? ''
  expect(presentedSecret).toMatch(/^rmt_key_/)
  expect(await ask(w, whoami, {}, { kind: 'api_key', presentedSecret })).toMatchObject({
    method: 'api_key',
    grant: { scopes: ['demo/a:read'] },
  })
  const { credentials } = await ask(w, listCredentials, { agent: 'local' })
  expect(credentials.find(({ id }) => id === credential_id)).toMatchObject({ expires_at })
})

test.each<[string, object, string]>([
  ['what is no certificate', { kind: 'x509', certificate: 'x' }, 'invalid_request'],
  ['an API key without an end', { kind: 'api_key', scopes: ['demo:read'] }, 'invalid_request'],
  ['another kind', { kind: 'password' }, 'invalid_request'],
  ['no credential', { kind: 'none' }, 'invalid_request'],
  ['no scopes', { kind: 'secret', scopes: [] }, 'invalid_request'],
  ['scopes of nothing', { kind: 'secret', scopes: ['demo:eat'] }, 'invalid_scope'],
  ['scopes above the ceiling', { kind: 'secret', scopes: ['audit:read'] }, 'exceeds_ceiling'],
  ['an end that is over', { kind: 'secret', expires_at: 1_800_000_000 }, 'invalid_request'],
  ['act_as', { kind: 'secret', act_as: 'grt_00000000000000000000000001' }, 'invalid_request'],
  ['a handle', { kind: 'secret', delivery: 'handle' }, 'invalid_request'],
  ['sealed to no key', { kind: 'secret', delivery: 'sealed' }, 'invalid_request'],
])('%s is refused', async (_, change, code) => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, addCredential, { agent: 'local', ...change })).toMatchObject({ code })
  expect((await contents(w))['credentials']).toEqual(before['credentials'])
})

describe('no wider than the caller', () => {
  test('another agent’s needs credentials:create and cover of what it can do', async () => {
    const w = await world()
    const clerk = await w.addAgent('clerk', 'credentials/local:create demo:read')
    const asked = { agent: 'local', kind: 'secret' }
    expect(await refuse(w, addCredential, asked, clerk)).toMatchObject({
      code: 'exceeds_ceiling',
      missing: ['demo:*', 'tokens:delegate'],
      missing_at: clerk.id,
    })
    const narrow = { ...asked, scopes: ['demo/a:read'] }
    expect((await refuse(w, addCredential, narrow, clerk)).code).toBe('exceeds_ceiling')
    await w.addAgent('reader', 'demo:read')
    const chief = await w.addAgent('chief', 'credentials:create demo:*')
    const weaker = { agent: 'reader', kind: 'secret' }
    expect(await ask(w, addCredential, weaker, chief)).toHaveProperty('credential_id')
  })

  test('without the permission other agents are as good as unknown', async () => {
    const w = await world()
    const unknown = await refuse(w, addCredential, { agent: 'nobody', kind: 'secret' }, w.local)
    expect(unknown.code).toBe('not_found')
    const asked = { agent: 'admin', kind: 'secret' }
    expect(await refuse(w, addCredential, asked, w.local)).toEqual(unknown)
    const { admin } = await w.addOrg('other')
    expect(await refuse(w, addCredential, { agent: admin.id, kind: 'secret' })).toEqual(unknown)
  })

  test('by token even one’s own needs the permission', async () => {
    const w = await world()
    const root = await rootOf(w, w.local)
    const asked = { agent: 'local', kind: 'secret' }
    expect(await refuse(w, addCredential, asked, root.presented)).toMatchObject({
      code: 'insufficient_scope',
      missing: ['credentials/local:create'],
      missing_at: root.grant_id,
    })
  })

  test('nor under a delegated grant', async () => {
    const w = await world()
    const scopes = ['credentials:create', 'demo:*', 'tokens:delegate']
    const child = await childOf(w, w.admin, { scopes })
    const asked = { agent: 'local', kind: 'secret' }
    expect(await refuse(w, addCredential, asked, child.presented)).toMatchObject({
      code: 'exceeds_parent',
      missing_at: child.grant_id,
    })
  })

  test('for one’s own agent it ends no later than what the caller came with', async () => {
    const w = await world()
    const end = w.now() + 500
    const asked = { agent: 'local', kind: 'secret', delivery: 'inline' }
    const brief = await ask(w, addCredential, { ...asked, expires_at: end }, w.local)
    const presentedSecret = brief.delivery?.secret ?? ''
    const as = { kind: 'secret', agentId: w.local.id, presentedSecret } as const
    for (const expires_at of [end + 1, 'never']) {
      expect(await refuse(w, addCredential, { ...asked, expires_at }, as)).toMatchObject({
        code: 'exceeds_ceiling',
        failures: [{ dimension: 'expires_at', asked: expires_at, allowed: end }],
      })
    }
    const { credential_id } = await ask(w, addCredential, asked, as)
    const { credentials } = await ask(w, listCredentials, {}, as)
    expect(credentials.find(({ id }) => id === credential_id)?.expires_at).toBe(end)
  })
})

test('a retiring credential adds none, nor is one added to a retired agent', async () => {
  const w = await world()
  await ask(w, rotateCredential, {}, w.local)
  const asked = { agent: 'local', kind: 'secret' }
  expect(await refuse(w, addCredential, asked, w.local)).toMatchObject({ code: 'conflict' })
  await ask(w, setAgentStatus, { agent: 'local', status: 'retired', cause: 'test' })
  expect(await refuse(w, addCredential, asked)).toMatchObject({
    code: 'agent_suspended',
    missing_at: w.local.id,
  })
})

test('a dry run adds nothing', async () => {
  const w = await world()
  const { dry } = await expectDryRun(w, addCredential, { agent: 'local', kind: 'secret' })
  expect(dry).toEqual({ credential_id: expect.stringMatching(/^crd_/), dry_run: true })
})

test('a repeat hands out a fresh secret of the same credential, until one was used', async () => {
  const w = await world()
  const asked = { agent: 'local', kind: 'secret', delivery: 'inline', idempotency_key: 'k' }
  const first = await ask(w, addCredential, asked, w.local)
  const again = await ask(w, addCredential, asked, w.local)
  expect(again.credential_id).toBe(first.credential_id)
  expect(again.delivery?.secret).not.toBe(first.delivery?.secret)
  expect(await refuse(w, addCredential, { ...asked, expires_at: 2e9 }, w.local)).toMatchObject({
    code: 'conflict',
  })
  const presentedSecret = again.delivery?.secret ?? ''
  await ask(w, whoami, {}, { kind: 'secret', agentId: w.local.id, presentedSecret })
  expect(await refuse(w, addCredential, asked, w.local)).toMatchObject({ code: 'conflict' })
})
