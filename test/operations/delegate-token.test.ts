// delegate_token: a child of the acting grant, never wider than it in any dimension.

import { describe, expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { world } from '../support/world.ts'
import { ask, childOf, expectDryRun, refuse, rootOf } from './asking.ts'

test('what is not said takes the lesser of the default and the parent’s', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const root = await rootOf(w, w.local, { max_depth: 3, ttl_seconds: 200 })
  w.pass(100)
  const asked = { scopes: ['demo:read'], to: 'helper' }
  expect(await ask(w, delegateToken, asked, root.presented)).toEqual({
    grant_id: expect.stringMatching(/^grt_/),
    token_id: expect.stringMatching(/^tok_/),
    agent_id: helper.id,
    instance_id: expect.stringMatching(/^ins_/),
    scopes: ['demo:read'],
    audience: [w.issuer],
    expires_at: root.grant_expires_at,
    grant_expires_at: root.grant_expires_at,
    depth: 1,
    max_depth: 3,
    lineage: [root.grant_id],
    dropped: [],
    delivery: { kind: 'handle' },
  })
})

test('the receiver is by name, by id, or a new instance of one’s own', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const root = await rootOf(w, w.local)
  const received = async (to: object) =>
    (await ask(w, delegateToken, { scopes: ['demo:read'], ...to }, root.presented)).agent_id
  expect(await received({ to: 'helper' })).toBe(helper.id)
  expect(await received({ to: helper.id })).toBe(helper.id)
  expect(await received({})).toBe(w.local.id)
})

describe('no dimension is wider than the parent', () => {
  const parent = { scopes: ['demo/a:*', 'tokens:delegate'], max_depth: 2, uses: 5, task: 'a/b' }
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'scopes',
      { scopes: ['demo/a:read', 'demo/b:read', 'audit:read'] },
      { code: 'exceeds_parent', missing: ['demo/b:read', 'audit:read'] },
    ],
    ['max_depth', { max_depth: 3 }, { code: 'exceeds_parent' }],
    ['uses', { uses: 6 }, { code: 'exceeds_parent' }],
    ['task', { task: 'a/c' }, { code: 'task_mismatch' }],
    ['task', { task: 'a' }, { code: 'task_mismatch' }],
    ['audience', { audience: ['nowhere'] }, { code: 'invalid_target' }],
  ])('%s: %j', async (dimension, asked, error) => {
    const w = await world()
    const root = await rootOf(w, w.local, parent)
    const given = { scopes: ['demo/a:read'], ...asked }
    const refused = await refuse(w, delegateToken, given, root.presented)
    const isPlaced = dimension !== 'audience'
    expect(refused).toMatchObject({ ...error, ...(isPlaced && { missing_at: root.grant_id }) })
    expect(refused.failures?.map((failure) => failure.dimension)).toContain(dimension)
  })

  test('and what fails in many is told of all', async () => {
    const w = await world()
    const root = await rootOf(w, w.local, parent)
    const given = { scopes: ['demo:read'], max_depth: 9, uses: 99, task: 'x' }
    const { code, failures = [] } = await refuse(w, delegateToken, given, root.presented)
    expect(code).toBe('exceeds_parent')
    expect(new Set(failures.map((failure) => failure.dimension))).toEqual(
      new Set(['scopes', 'max_depth', 'uses', 'task']),
    )
    expect(failures.every((failure) => failure.missing_at === root.grant_id)).toBe(true)
  })

  test('protections stay', async () => {
    const w = await world()
    const root = await rootOf(w, w.local, { require: ['approval'] })
    const asked = { scopes: ['demo:read'], require: [] }
    expect(await refuse(w, delegateToken, asked, root.presented)).toMatchObject({
      code: 'exceeds_parent',
    })
  })

  test('the ceiling of the receiver holds too', async () => {
    const w = await world()
    const helper = await w.addAgent('helper', 'demo:read')
    const asked = { scopes: ['demo:write'], to: 'helper' }
    expect(await refuse(w, delegateToken, asked, w.local)).toMatchObject({
      code: 'exceeds_ceiling',
      missing: ['demo:write'],
      failures: [{ dimension: 'ceiling', missing_at: helper.id }],
    })
  })

  test('narrow drops scopes only', async () => {
    const w = await world()
    const root = await rootOf(w, w.local, parent)
    const asked = { scopes: ['demo/a:read', 'audit:read'], on_excess: 'narrow' }
    expect(await ask(w, delegateToken, asked, root.presented)).toMatchObject({
      scopes: ['demo/a:read'],
      dropped: ['audit:read'],
      uses_left: 4,
    })
    const deeper = { ...asked, max_depth: 9 }
    expect(await refuse(w, delegateToken, deeper, root.presented)).toMatchObject({
      code: 'exceeds_parent',
    })
  })
})

test('a child ends with its parent, and the answer says when', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { ttl_seconds: 100 })
  const asked = { scopes: ['demo:read'], ttl_seconds: 3000, grant_ttl_seconds: 80_000 }
  expect(await ask(w, delegateToken, asked, root.presented)).toMatchObject({
    expires_at: root.grant_expires_at,
    grant_expires_at: root.grant_expires_at,
  })
})

test('depth counts from the root', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { max_depth: 1 })
  const child = await childOf(w, root.presented)
  const asked = { scopes: ['demo:read'] }
  expect(await refuse(w, delegateToken, asked, child.presented)).toMatchObject({
    code: 'depth_exhausted',
    missing_at: child.grant_id,
  })
})

test('it needs tokens:delegate', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { scopes: ['demo:*'] })
  expect(await refuse(w, delegateToken, { scopes: ['demo:read'] }, root.presented)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['tokens:delegate'],
    missing_at: root.grant_id,
  })
})

test('each one takes a use of all above', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { uses: 2 })
  const asked = { scopes: ['demo:read'] }
  expect(await ask(w, delegateToken, asked, root.presented)).toMatchObject({ uses_left: 1 })
  await ask(w, delegateToken, asked, root.presented)
  expect(await refuse(w, delegateToken, asked, root.presented)).toMatchObject({
    code: 'uses_exhausted',
  })
})

test('unknown receivers are not found, inactive ones are told', async () => {
  const w = await world()
  const asked = { scopes: ['demo:read'] }
  expect(await refuse(w, delegateToken, { ...asked, to: 'nobody' }, w.local)).toMatchObject({
    code: 'not_found',
  })
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, delegateToken, { ...asked, to: admin.id }, w.local)).toMatchObject({
    code: 'not_found',
  })
  const helper = await w.addAgent('helper', 'demo:*')
  await ask(w, setAgentStatus, { agent: 'helper', status: 'suspended', cause: 'test' })
  expect(await refuse(w, delegateToken, { ...asked, to: 'helper' }, w.local)).toMatchObject({
    code: 'agent_suspended',
    missing_at: helper.id,
  })
})

test('a dead parent, and a dead ancestor, refuse', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented)
  await ask(w, revokeToken, { grant_id: root.grant_id, cause: 'test' }, w.local)
  const asked = { scopes: ['demo:read'] }
  expect(await refuse(w, delegateToken, asked, root.presented)).toMatchObject({
    code: 'invalid_token',
    missing_at: root.grant_id,
  })
  expect(await refuse(w, delegateToken, asked, child.presented)).toMatchObject({
    code: 'ancestor_revoked',
    missing_at: child.grant_id,
  })
})

test('act_as puts the child below that grant', async () => {
  const w = await world()
  const child = await childOf(w, w.local)
  const asked = { scopes: ['demo:read'], act_as: child.grant_id }
  const below = await ask(w, delegateToken, asked, w.local)
  expect(below.lineage).toEqual([...child.lineage, child.grant_id])
})

test.each([
  ['maxChildren', { maxChildren: 2 }],
  ['maxGrantsPerRoot', { maxGrantsPerRoot: 2 }],
])('%s caps the grants', async (_, settings) => {
  const w = await world({ settings })
  const { grant_id, presented } = await rootOf(w, w.local)
  const asked = { scopes: ['demo:read'] }
  const delegated = async () => ask(w, delegateToken, asked, presented)
  await delegated()
  await delegated().catch(() => undefined)
  expect(await refuse(w, delegateToken, asked, presented)).toMatchObject({
    code: 'rate_limited',
    missing_at: grant_id,
  })
})

test('a dry run delegates nothing and takes no use', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { uses: 1 })
  const { dry } = await expectDryRun(w, delegateToken, { scopes: ['demo:read'] }, presented)
  expect(dry).toMatchObject({ scopes: ['demo:read'], depth: 1, dry_run: true })
})

test('a repeat is a new token of the same grant', async () => {
  const w = await world()
  const asked = { scopes: ['demo:read'], idempotency_key: 'k' }
  const { token_id, ...same } = await ask(w, delegateToken, asked, w.local)
  const again = await ask(w, delegateToken, asked, w.local)
  expect(again).toEqual({ ...same, token_id: expect.not.stringMatching(token_id) })
  expect(await refuse(w, delegateToken, { ...asked, uses: 1 }, w.local)).toMatchObject({
    code: 'conflict',
  })
})
