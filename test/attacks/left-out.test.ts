// Authority, rule 18: leaving an argument out gives no more than saying it, and what is said is refused
// rather than quietly changed.

import { expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { world } from '../support/world.ts'
import { codeOf, delegated, may, minted, tried } from './attack.ts'

test('a child that leaves everything out gets the lesser of default and parent', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read', 'tokens:delegate'],
    max_depth: 2,
    uses: 7,
    task: 'a/b',
    ttl_seconds: 100,
    require: ['approval'],
  })
  w.pass(40)
  const child = await w.result(delegateToken, { scopes: ['demo:read'] }, root.presented)
  expect(child).toMatchObject({
    scopes: ['demo:read'],
    audience: [w.issuer],
    depth: 1,
    max_depth: 2,
    grant_expires_at: w.now() + 60,
    expires_at: w.now() + 60,
    lineage: [root.grantId],
    dropped: [],
  })
  const grant = await w.context.live.grant(child.grant_id)
  expect([grant?.task, grant?.require, grant?.uses]).toEqual(['a/b', ['approval'], 7])
})

test('what is stated beyond the parent is refused and named, all of it, not clamped', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read', 'tokens:delegate'],
    max_depth: 2,
    uses: 7,
    task: 'a',
    require: ['approval'],
  })
  const wide = {
    scopes: ['demo:read', 'demo:write'],
    max_depth: 3,
    uses: 8,
    task: 'b',
    require: [],
    audience: ['nowhere'],
  }
  const refused = await w.refusal(delegateToken, wide, root.presented)
  expect([refused.code, refused.detail.missing]).toEqual(['exceeds_parent', ['demo:write']])
  expect(refused.detail.failures?.map(({ code, dimension }) => [dimension, code])).toEqual([
    ['scopes', 'exceeds_parent'],
    ['task', 'task_mismatch'],
    ['audience', 'invalid_target'],
    ['max_depth', 'exceeds_parent'],
    ['uses', 'exceeds_parent'],
    ['require', 'exceeds_parent'],
  ])
})

test('only the end of the parent shortens a life; limits of the operator refuse', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read', 'tokens:delegate'],
    ttl_seconds: 100,
  })
  const life = { ttl_seconds: 3600, grant_ttl_seconds: 86_400 }
  const child = await w.result(delegateToken, { scopes: ['demo:read'], ...life }, root.presented)
  expect([child.expires_at, child.grant_expires_at]).toEqual([w.now() + 100, w.now() + 100])
  const rows = [
    [{ ttl_seconds: 3601 }, 'invalid_request'],
    [{ grant_ttl_seconds: 86_401 }, 'invalid_request'],
    [{ ttl_seconds: 0 }, 'invalid_request'],
    [{ ttl_seconds: -1 }, 'invalid_request'],
    [{ ttl_seconds: 1.5 }, 'invalid_request'],
    [{ ttl_seconds: 200, grant_ttl_seconds: 100 }, 'invalid_request'],
  ] as const
  for (const [more, code] of rows) {
    const args = { scopes: ['demo:read'], ...more }
    expect([more, await tried(w, 'delegate_token', args, root.presented)]).toEqual([more, code])
    expect([more, await tried(w, 'mint_token', args, w.local)]).toEqual([more, code])
  }
})

test('narrow drops whole scopes and says which, and never drops to none', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes: ['demo/a/**:read', 'tokens:delegate'] })
  const narrow = { on_excess: 'narrow' }
  const partly = {
    scopes: ['demo/a/b:read', 'demo/b:read', 'demo:read', 'demo/a:write'],
    ...narrow,
  }
  const child = await w.result(delegateToken, partly, root.presented)
  expect([child.scopes, child.dropped]).toEqual([
    ['demo/a/b:read'],
    ['demo/b:read', 'demo:read', 'demo/a:write'],
  ])
  const wholly = { scopes: ['demo:read', 'demo:*'], ...narrow }
  const none = await w.call(delegateToken, wholly, root.presented)
  expect(codeOf(none)).toBe('exceeds_parent')
  expect(codeOf(await w.call(mintToken, { scopes: ['audit:read'], ...narrow }, w.local))).toBe(
    'exceeds_ceiling',
  )
})

test('narrow drops scopes only: no other excess passes with it', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read', 'tokens:delegate'],
    max_depth: 2,
    task: 'a',
  })
  const rows = [
    [{ max_depth: 3 }, 'exceeds_parent'],
    [{ task: 'b' }, 'task_mismatch'],
    [{ audience: ['nowhere'] }, 'invalid_target'],
    [{ ttl_seconds: 4000 }, 'invalid_request'],
    [{ scopes: ['demo:read', 'nonsense'] }, 'invalid_scope'],
    [{ scopes: ['demo:read', 'unknown:read'] }, 'invalid_scope'],
  ] as const
  for (const [more, code] of rows) {
    const args = { scopes: ['demo:read'], on_excess: 'narrow', ...more }
    expect([more, await tried(w, 'delegate_token', args, root.presented)]).toEqual([more, code])
  }
})

test('no scopes are not all scopes', async () => {
  const w = await world()
  for (const scopes of [
    [],
    [''],
    ['*'],
    ['*:*'],
    ['demo'],
    ['demo:'],
    [':read'],
    ['demo:read '],
    undefined,
  ]) {
    const code = await tried(w, 'mint_token', { scopes }, w.local)
    expect([scopes, ['invalid_request', 'invalid_scope'].includes(code)]).toEqual([scopes, true])
  }
})

test('depth runs out, however shallow each child says it is', async () => {
  const w = await world()
  const scopes = ['demo:read', 'tokens:delegate']
  let held = await minted(w, w.local, { scopes, max_depth: 3 })
  for (const depth of [1, 2, 3]) {
    held = await delegated(w, held.presented, { scopes })
    expect(w.read(`select depth from grants where id = '${held.grantId}'`)).toBe(depth)
  }
  expect(await tried(w, 'delegate_token', { scopes }, held.presented)).toBe('depth_exhausted')
  const stated = { scopes, max_depth: 16 }
  expect(await tried(w, 'delegate_token', stated, held.presented)).toBe('depth_exhausted')
  expect(await may(w, held.presented, 'demo:read')).toBe('allowed')
})

test('a name that looks like an id is no name, so that an id always means that one record', async () => {
  const w = await world()
  const about = {
    description: '',
    owner: 'me',
    ceiling: ['demo:read'],
    credential: { kind: 'none' },
  }
  for (const name of [
    w.local.id,
    w.serverId,
    'grt_00000000000000000000000zzz',
    'Admin',
    'a/b',
    '',
  ]) {
    const answer = await w.call(registerAgent, { ...about, name })
    expect([name, codeOf(answer)]).toEqual([name, 'invalid_request'])
  }
  const unknown = { scopes: ['demo:read'], to: 'agt_00000000000000000000000zzz' }
  expect(await tried(w, 'delegate_token', unknown, w.local)).toBe('not_found')
  const misplaced = { scopes: ['demo:read'], to: w.serverId }
  expect(await tried(w, 'delegate_token', misplaced, w.local)).toBe('invalid_request')
})

test('a dry run leaves nothing behind that can be used', async () => {
  const w = await world()
  await delegated(w, w.local, { scopes: ['demo:read'] })
  const count = () => w.read('select (select count(*) from grants) + (select count(*) from tokens)')
  const before = count()
  const args = { scopes: ['demo:read'], delivery: 'meta', dry_run: true }
  for (const operation of [mintToken, delegateToken]) {
    const answer = await w.call(operation, args, w.local)
    if (!answer.ok) throw answer.refusal
    expect([answer.result['dry_run'], answer.meta, answer.result['delivery']]).toEqual([
      true,
      undefined,
      undefined,
    ])
    const grantId = String(answer.result['grant_id'])
    expect(await tried(w, 'renew_token', { grant_id: grantId }, w.local)).toBe('not_found')
  }
  expect(count()).toBe(before)
})
