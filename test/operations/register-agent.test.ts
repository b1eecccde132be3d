// register_agent: a new agent within the caller's own authority, usually with a first credential.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { getAgent } from '../../src/operations/get-agent.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
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

const fresh = { name: 'fresh', description: 'A test.', owner: 'team', ceiling: ['demo:read'] }

test('what is not said takes its default, and a secret goes to a file', async () => {
  const w = await world()
  const made = await ask(w, registerAgent, fresh)
  expect(made).toEqual({
    agent_id: expect.stringMatching(/^agt_/),
    credential_id: expect.stringMatching(/^crd_/),
    delivery: { kind: 'file', path: expect.stringContaining('/deliveries/') },
  })
  expect(await ask(w, getAgent, { agent: 'fresh' })).toEqual({
    id: made.agent_id,
    name: 'fresh',
    description: 'A test.',
    owner: 'team',
    ceiling: ['demo:read'],
    sensitivity: 'normal',
    status: 'active',
    auth_methods: ['secret', 'api_key', 'client_assertion', 'x509'],
    rotation_days: 30,
    last_rotated_at: w.now(),
    next_rotation_at: w.now() + 30 * 86_400,
    last_used_at: null,
    credentials: { active: 1, retiring: 0 },
    created_at: w.now(),
    created_by: w.admin.id,
  })
  const file = JSON.parse(readFileSync(made.delivery?.path ?? '', 'utf8')) as { secret: string }
  expect(file).toEqual({
    agent_id: made.agent_id,
    credential_id: made.credential_id,
    secret: expect.stringMatching(/^rmt_sec_/),
  })
  const as = { kind: 'secret', agentId: made.agent_id, presentedSecret: file.secret } as const
  expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { name: 'fresh' } })
})

test('what is said is taken as it is', async () => {
  const w = await world()
  const said = { sensitivity: 'low', auth_methods: ['api_key'], rotation_days: 7 }
  const credential = {
    kind: 'api_key',
    scopes: ['demo/a:read'],
    expires_at: w.now() + 1000,
  }
  const asked = { ...fresh, ...said, credential, delivery: 'meta' }
  const { result, meta } = await askForAll(w, registerAgent, asked)
  expect(meta['dev.remit/secret']).toMatch(/^rmt_key_/)
  expect(await ask(w, getAgent, { agent: result.agent_id })).toMatchObject(said)
  const { credentials } = await ask(w, listCredentials, { agent: 'fresh' })
  expect(credentials).toEqual([
    {
      id: result.credential_id,
      kind: 'api_key',
      status: 'active',
      scopes: ['demo/a:read'],
      created_at: w.now(),
      expires_at: w.now() + 1000,
    },
  ])
})

test('without a credential nothing is handed out', async () => {
  const w = await world()
  const made = await ask(w, registerAgent, { ...fresh, credential: { kind: 'none' } })
  expect(made).toEqual({ agent_id: expect.stringMatching(/^agt_/) })
})

test.each([
  ['inline', { secret: expect.stringMatching(/^rmt_sec_/) as string }],
  ['handoff', { handoff: expect.stringMatching(/^rmt_hof_/) as string }],
])('the secret may be delivered by %s', async (kind, how) => {
  const w = await world()
  const { delivery } = await ask(w, registerAgent, { ...fresh, delivery: kind })
  expect(delivery).toEqual({ kind, ...how })
})

test.each<[string, object, string, object?]>([
  ['sealed to no key', { delivery: 'sealed' }, 'invalid_request'],
  ['a handle of a secret', { delivery: 'handle' }, 'invalid_request'],
  ['no delivery over HTTP', {}, 'invalid_request', { localFiles: false }],
  ['a file over HTTP', { delivery: 'file' }, 'invalid_request', { localFiles: false }],
  [
    'no sound public key',
    { credential: { kind: 'public_key', public_jwk: {} } },
    'invalid_request',
  ],
  ['what is no certificate', { credential: { kind: 'x509', certificate: 'x' } }, 'invalid_request'],
  ['an unbounded API key', { credential: { kind: 'api_key' } }, 'invalid_request'],
  [
    'an API key without scopes',
    { credential: { kind: 'api_key', expires_at: 'never' } },
    'invalid_request',
  ],
  [
    'a credential that is over',
    { credential: { kind: 'secret', expires_at: 1 } },
    'invalid_request',
  ],
  [
    'a credential above the ceiling',
    { credential: { kind: 'secret', scopes: ['demo:write'] } },
    'exceeds_ceiling',
  ],
  [
    'a kind that the methods exclude',
    { auth_methods: ['api_key'], credential: { kind: 'secret' } },
    'conflict',
  ],
  ['a name that looks like an id', { name: 'agt_00000000000000000000000001' }, 'invalid_request'],
  ['a name that is none', { name: 'No Name' }, 'invalid_request'],
  ['no owner', { owner: '' }, 'invalid_request'],
  ['no ceiling', { ceiling: [] }, 'invalid_request'],
  ['a ceiling of nothing registered', { ceiling: ['nothing:read'] }, 'invalid_scope'],
  ['a description of 501 characters', { description: 'x'.repeat(501) }, 'invalid_request'],
  ['rotation every 0 days', { rotation_days: 0 }, 'invalid_request'],
  ['no methods', { auth_methods: [] }, 'invalid_request'],
  ['an unknown field of the credential', { credential: { colour: 'red' } }, 'invalid_request'],
  ['a name that is taken', { name: 'local' }, 'conflict'],
])('%s is refused', async (_, change, code, settings = {}) => {
  const w = await world({ settings })
  const before = await contents(w)
  expect(await refuse(w, registerAgent, { ...fresh, ...change })).toMatchObject({ code })
  expect((await contents(w))['agents']).toEqual(before['agents'])
})

test('an owner is not optional', async () => {
  const w = await world()
  const { owner: _, ...rest } = fresh
  expect(await refuse(w, registerAgent, rest)).toMatchObject({
    code: 'invalid_request',
    failures: [{ dimension: 'owner' }],
  })
})

test.each(['', ' ', '\t'])('an owner %j is none', async (owner) => {
  const w = await world()
  const refused = await refuse(w, registerAgent, { ...fresh, owner })
  expect(refused).toMatchObject({ code: 'invalid_request' })
})

describe('nobody registers more than they have', () => {
  test('the ceiling is covered by the caller’s own authority', async () => {
    const w = await world()
    const clerk = await w.addAgent('clerk', 'agents:register demo:read')
    const ceiling = ['demo:read', 'demo:write', 'audit:read']
    expect(await refuse(w, registerAgent, { ...fresh, ceiling }, clerk)).toMatchObject({
      code: 'exceeds_ceiling',
      missing: ['demo:write', 'audit:read'],
      missing_at: clerk.id,
      failures: [{ code: 'exceeds_ceiling', dimension: 'ceiling' }],
    })
    expect(await ask(w, registerAgent, fresh, clerk)).toHaveProperty('agent_id')
  })

  test('a credential above the new ceiling is refused, at no agent that there is not', async () => {
    const w = await world()
    const credential = { kind: 'secret', scopes: ['demo:write'] }
    const refused = await refuse(w, registerAgent, { ...fresh, credential })
    expect(refused).toMatchObject({ code: 'exceeds_ceiling', missing: ['demo:write'] })
    expect(refused).not.toHaveProperty('missing_at')
  })

  test('under a root grant it is that grant that has to cover it', async () => {
    const w = await world()
    const root = await rootOf(w, w.admin, { scopes: ['agents:register', 'demo:read'] })
    const ceiling = ['demo:read', 'demo:write']
    expect(await refuse(w, registerAgent, { ...fresh, ceiling }, root.presented)).toMatchObject({
      code: 'exceeds_ceiling',
      missing: ['demo:write'],
      missing_at: root.grant_id,
      failures: [{ missing_at: root.grant_id }],
    })
  })

  test('it needs agents:register, for that name or for all', async () => {
    const w = await world()
    expect(await refuse(w, registerAgent, fresh, w.local)).toMatchObject({
      code: 'insufficient_scope',
      missing: ['agents/fresh:register'],
      missing_at: w.local.id,
    })
    const clerk = await w.addAgent('clerk', 'agents/fresh:register demo:read')
    expect(await ask(w, registerAgent, fresh, clerk)).toHaveProperty('agent_id')
    expect(await refuse(w, registerAgent, { ...fresh, name: 'other' }, clerk)).toMatchObject({
      code: 'insufficient_scope',
    })
  })

  test('nor under a delegated grant', async () => {
    const w = await world()
    const scopes = ['agents:register', 'demo:read', 'tokens:delegate']
    const root = await rootOf(w, w.admin, { scopes })
    const child = await childOf(w, root.presented, { scopes })
    const asked = { ...fresh, act_as: child.grant_id }
    for (const refused of [
      await refuse(w, registerAgent, fresh, child.presented),
      await refuse(w, registerAgent, asked),
    ]) {
      expect(refused).toMatchObject({ code: 'exceeds_parent', missing_at: child.grant_id })
    }
    expect(await ask(w, registerAgent, fresh, root.presented)).toHaveProperty('agent_id')
  })
})

test('a dry run registers nothing', async () => {
  const w = await world()
  const { dry } = await expectDryRun(w, registerAgent, fresh)
  expect(dry).toEqual({
    agent_id: expect.stringMatching(/^agt_/),
    credential_id: expect.stringMatching(/^crd_/),
    dry_run: true,
  })
})

test('a repeat hands out a fresh secret of the same agent, until one was used', async () => {
  const w = await world()
  const asked = { ...fresh, delivery: 'meta', idempotency_key: 'k' }
  const first = await askForAll(w, registerAgent, asked)
  const again = await askForAll(w, registerAgent, asked)
  expect(again.result).toEqual(first.result)
  const secrets = [first, again].map(({ meta }) => meta['dev.remit/secret'] ?? '')
  const agentId = first.result.agent_id
  const [old, present] = secrets.map(
    (presentedSecret) => ({ kind: 'secret', agentId, presentedSecret }) as const,
  )
  if (old === undefined || present === undefined) throw new Error('No secrets.')
  expect((await w.refusal(whoami, {}, old)).code).toBe('invalid_client')
  expect(await refuse(w, registerAgent, { ...asked, owner: 'other' })).toMatchObject({
    code: 'conflict',
  })
  await ask(w, whoami, {}, present)
  expect(await refuse(w, registerAgent, asked)).toMatchObject({ code: 'conflict' })
  expect(await ask(w, whoami, {}, present)).toMatchObject({ agent: { id: agentId } })
})
