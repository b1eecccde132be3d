// revoke_token: ends a branch at once, by one row, and only what one may end.

import { describe, expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import {
  ask,
  childOf,
  contents,
  expectDryRun,
  expectRepeats,
  refuse,
  rootOf,
  whoami,
} from './asking.ts'

/** local: root → child (helper) → grandchild (local); and a root that helper made. */
async function planted() {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:* tokens:delegate')
  const root = await rootOf(w, w.local, { task: 'a' })
  const child = await childOf(w, root.presented, { to: 'helper', task: 'a/b' })
  const grandchild = await childOf(w, child.presented, { to: 'local', scopes: ['demo:read'] })
  const apart = await rootOf(w, helper)
  const grants = { root, child, grandchild, apart }
  const dead = async () => {
    const checked: string[] = []
    for (const [name, { grant_id }] of Object.entries(grants)) {
      const asked = { permissions: ['demo/x:read'], grant_id }
      if (!(await ask(w, checkPermission, asked)).allowed) checked.push(name)
    }
    return checked
  }
  return { w, helper, ...grants, dead }
}

type Planted = Awaited<ReturnType<typeof planted>>

describe('each selector ends what it names and all below', () => {
  test.each<[string, (p: Planted) => Record<string, unknown>, string[]]>([
    ['grant_id', ({ child }) => ({ grant_id: child.grant_id }), ['child', 'grandchild']],
    ['token_id', ({ child }) => ({ token_id: child.token_id }), ['child', 'grandchild']],
    ['instance_id', ({ child }) => ({ instance_id: child.instance_id }), ['child', 'grandchild']],
    ['agent', () => ({ agent: 'helper' }), ['child', 'grandchild', 'apart']],
    ['agent by id', ({ helper }) => ({ agent: helper.id }), ['child', 'grandchild', 'apart']],
    [
      'credential_id',
      ({ w }) => ({ credential_id: w.local.credentialId }),
      ['root', 'child', 'grandchild'],
    ],
    ['task', () => ({ task: 'a' }), ['root', 'child', 'grandchild']],
    ['a sub-task', () => ({ task: 'a/b' }), ['child', 'grandchild']],
  ])('%s', async (_, selector, ended) => {
    const p = await planted()
    expect(await p.dead()).toEqual([])
    const asked = { ...selector(p), cause: 'test' }
    const revocations = p.w.read(`select count(*) from revocations`)
    expect(await ask(p.w, revokeToken, asked)).toEqual({ revoked_at: p.w.now() })
    expect(await p.dead()).toEqual(ended)
    expect(p.w.read(`select count(*) from revocations`)).toBe(Number(revocations) + 1)
  })

  test('the agent stays active and its credential good', async () => {
    const { w, helper } = await planted()
    await ask(w, revokeToken, { agent: 'helper', cause: 'test' })
    expect(await ask(w, whoami, {}, helper)).toMatchObject({ agent: { status: 'active' } })
    const fresh = await rootOf(w, helper)
    expect(await ask(w, whoami, {}, fresh.presented)).toMatchObject({ method: 'token' })
  })
})

test('minted_before spares what came after', async () => {
  const { w, dead, helper } = await planted()
  const minted_before = w.now()
  w.pass(10)
  const later = await rootOf(w, helper)
  await ask(w, revokeToken, { agent: 'helper', minted_before, cause: 'test' })
  expect(await dead()).toEqual(['child', 'grandchild', 'apart'])
  expect(await ask(w, whoami, {}, later.presented)).toMatchObject({ grant: { id: later.grant_id } })
})

test('count tells what ended and what was made under it', async () => {
  const { w, child, root, helper } = await planted()
  const asked = { grant_id: root.grant_id, cause: 'test', count: true }
  expect(await ask(w, revokeToken, asked)).toEqual({
    revoked_at: w.now(),
    grants_ended: 3,
    agents_touched: [w.local.id, helper.id],
    made_under: [],
  })
  const again = { grant_id: child.grant_id, cause: 'test', count: true }
  expect(await ask(w, revokeToken, again)).toMatchObject({ grants_ended: 0 })
})

test('what was made under the subtree outlives it and is listed', async () => {
  const w = await world()
  const admin = await rootOf(w, w.admin, { scopes: ['agents:register', 'demo:read'] })
  const made = { name: 'made', description: '', owner: 'x', ceiling: ['demo:read'] }
  const { agent_id, credential_id } = await ask(w, registerAgent, made, admin.presented)
  const asked = { grant_id: admin.grant_id, cause: 'test', dry_run: true }
  const { made_under } = await ask(w, revokeToken, asked)
  expect(made_under).toEqual([agent_id, credential_id])
})

describe('without tokens:revoke only one’s own ends', () => {
  test('by agent, task and credential the selection is what is one’s own of it', async () => {
    const p = await planted()
    await ask(p.w, revokeToken, { agent: 'helper', cause: 'test' }, p.root.presented)
    expect(await p.dead()).toEqual(['child', 'grandchild'])
    const q = await planted()
    await ask(q.w, revokeToken, { task: 'a', cause: 'test' }, q.child.presented)
    expect(await q.dead()).toEqual(['child', 'grandchild'])
    const r = await planted()
    const asked = { credential_id: r.w.local.credentialId, cause: 'test' }
    await ask(r.w, revokeToken, asked, r.child.presented)
    expect(await r.dead()).toEqual(['child', 'grandchild'])
  })

  test.each<
    [string, (p: Planted) => Record<string, unknown>, (w: World) => Record<string, unknown>]
  >([
    [
      'grant_id',
      ({ root }) => ({ grant_id: root.grant_id }),
      (w) => ({ grant_id: w.context.newId('grt') }),
    ],
    [
      'token_id',
      ({ root }) => ({ token_id: root.token_id }),
      (w) => ({ token_id: w.context.newId('tok') }),
    ],
    [
      'instance_id',
      ({ root }) => ({ instance_id: root.instance_id }),
      (w) => ({ instance_id: w.context.newId('ins') }),
    ],
    ['agent', () => ({ agent: 'admin' }), () => ({ agent: 'nobody' })],
    [
      'credential_id',
      ({ w }) => ({ credential_id: w.admin.credentialId }),
      (w) => ({ credential_id: w.context.newId('crd') }),
    ],
    ['task', () => ({ task: 'c' }), () => ({ task: 'd' })],
  ])('%s of others is as good as unknown', async (_, foreign, unknown) => {
    const p = await planted()
    const { w, child, dead } = p
    const asked = { ...foreign(p), cause: 'test' }
    const no = await refuse(w, revokeToken, asked, child.presented)
    expect(no.code).toBe('not_found')
    expect(no).toEqual(
      await refuse(w, revokeToken, { ...unknown(w), cause: 'test' }, child.presented),
    )
    expect(await dead()).toEqual([])
  })

  test('the permission may be for one agent', async () => {
    const { w, child, root, dead } = await planted()
    const warden = await w.addAgent('warden', 'tokens/helper:revoke')
    await ask(w, revokeToken, { grant_id: child.grant_id, cause: 'test' }, warden)
    expect(await dead()).toEqual(['child', 'grandchild'])
    const asked = { grant_id: root.grant_id, cause: 'test' }
    expect(await refuse(w, revokeToken, asked, warden)).toMatchObject({ code: 'not_found' })
  })

  test('nothing of another organisation ends', async () => {
    const { w, root, dead } = await planted()
    const { admin } = await w.addOrg('other')
    for (const selector of [{ grant_id: root.grant_id }, { agent: w.local.id }]) {
      expect(await refuse(w, revokeToken, { ...selector, cause: 'test' }, admin)).toMatchObject({
        code: 'not_found',
      })
    }
    await ask(w, revokeToken, { task: 'a', cause: 'test' }, admin)
    expect(await dead()).toEqual([])
  })
})

test.each<[string, Record<string, unknown>]>([
  ['no selector', { cause: 'x' }],
  ['two selectors', { agent: 'local', task: 'a', cause: 'x' }],
  ['no cause', { agent: 'local' }],
  ['an empty cause', { agent: 'local', cause: '' }],
  ['a cause of 501 characters', { agent: 'local', cause: 'x'.repeat(501) }],
  ['a cause with a control character', { agent: 'local', cause: 'a\nb' }],
  ['an id of another kind', { grant_id: 'tok_00000000000000000000000001', cause: 'x' }],
])('%s is malformed', async (_, asked) => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, revokeToken, asked)).toMatchObject({ code: 'invalid_request' })
  expect((await contents(w))['revocations']).toEqual(before['revocations'])
})

test('a dry run counts and ends nothing', async () => {
  const { w, root, helper } = await planted()
  const asked = { grant_id: root.grant_id, cause: 'test' }
  const { dry } = await expectDryRun(w, revokeToken, asked)
  expect(dry).toEqual({
    revoked_at: w.now(),
    grants_ended: 3,
    agents_touched: [w.local.id, helper.id],
    made_under: [],
    dry_run: true,
  })
})

test('a repeat answers the same', async () => {
  const { w, root } = await planted()
  const asked = { grant_id: root.grant_id, cause: 'test', count: true }
  await expectRepeats(w, revokeToken, asked, { cause: 'other' })
})
