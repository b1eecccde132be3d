// Attacks on limited grants (authority: 24). Every operation allowed under a grant takes one use from it
// and from every limited grant above, all or none; what costs nothing can be counted on to.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { delegationTree } from '../../src/operations/delegation-tree.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { listAgents } from '../../src/operations/list-agents.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { listResourceTypes } from '../../src/operations/list-resource-types.ts'
import { listTokens } from '../../src/operations/list-tokens.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { byToken, grantIn, handedIn } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const reading = { permissions: ['demo:read'] }
const scopes = ['demo:read', 'tokens:delegate']

const mint = (w: World, uses: number) => {
  const asked = { scopes, uses, grant_ttl_seconds: 3600, ttl_seconds: 3600, delivery: 'meta' }
  return w.call(mintToken, asked, w.local)
}

const left = (w: World, grantId: string) =>
  w.read(`select uses_left from grant_uses where grant_id = '${grantId}'`)

async function child(w: World, of: string, uses?: number) {
  const asked = { scopes: ['demo:read'], act_as: of, ...(uses !== undefined && { uses }) }
  return (await w.result(delegateToken, asked, w.local)).grant_id
}

const check = (w: World, as: Presented, args: object = {}, context = w.context) =>
  w.call(checkPermission, { ...reading, ...args }, as, { in: context })

const codesOf = (answers: readonly Awaited<ReturnType<typeof check>>[]) =>
  answers.map((answer) => (answer.ok ? 'allowed' : answer.refusal.code))

describe('a budget', () => {
  test('of three allows three, and says how many are left at once', async () => {
    const w = await world()
    const minted = await mint(w, 3)
    const as = byToken(minted)
    for (const expected of [3, 2, 1]) {
      expect((await w.result(whoami, {}, as)).grant.uses_left).toBe(expected)
      expect((await w.result(listPermissions, {}, as)).limits.uses_left).toBe(expected)
      expect((await check(w, as)).ok).toBe(true)
    }
    expect((await w.refusal(checkPermission, reading, as)).code).toBe('uses_exhausted')
    expect((await w.result(whoami, {}, as)).grant.uses_left).toBe(0)
    expect(left(w, grantIn(minted))).toBe(0)
  })

  test('has opaque tokens, and so has everything below it', async () => {
    const w = await world()
    const minted = await mint(w, 9)
    expect(handedIn(minted)).toMatch(/^rmt_tok_/)
    const below = { scopes: ['demo:read'], act_as: grantIn(minted), delivery: 'meta' }
    expect(handedIn(await w.call(delegateToken, below, w.local))).toMatch(/^rmt_tok_/)
  })

  const free: readonly (readonly [string, Operation, (grantId: string) => object])[] = (
    [
      ['whoami', whoami, () => ({})],
      ['list_permissions', listPermissions, () => ({})],
      ['list_tokens', listTokens, () => ({})],
      ['list_agents', listAgents, () => ({})],
      ['list_resource_types', listResourceTypes, () => ({})],
      ['delegation_tree', delegationTree, () => ({})],
      ['get_agent', getAgent, () => ({ agent: 'local' })],
      ['introspect_token', introspectToken, (grant_id: string) => ({ grant_id })],
      ['a dry run', delegateToken, () => ({ scopes: ['demo:read'], dry_run: true })],
    ] as const
  ).map(([name, operation, args]) => [name, operation as unknown as Operation, args])

  test.each(free)('%s costs nothing', async (_, operation, args) => {
    const w = await world()
    const minted = await mint(w, 2)
    const asked = { ...args(grantIn(minted)) }
    await w.result(operation, asked, byToken(minted))
    expect(left(w, grantIn(minted))).toBe(2)
    await w.result(operation, { ...asked, act_as: grantIn(minted) }, w.local)
    expect(left(w, grantIn(minted))).toBe(2)
  })

  test('a refusal costs nothing', async () => {
    const w = await world()
    const minted = await mint(w, 2)
    const agent = { name: 'a', description: '', owner: 'o', ceiling: ['demo:read'] }
    const refused = [
      await w.refusal(registerAgent, agent, byToken(minted)),
      await w.refusal(delegateToken, { scopes: ['demo:write'] }, byToken(minted)),
      await w.refusal(checkPermission, { permissions: [] }, byToken(minted)),
      await w.refusal(renewToken, { ttl_seconds: 4000 }, byToken(minted)),
    ]
    expect(refused.map(({ code }) => code)).toEqual([
      'insufficient_scope',
      'exceeds_parent',
      'invalid_request',
      'invalid_request',
    ])
    expect(left(w, grantIn(minted))).toBe(2)
  })

  test('delegating, renewing and acting cost one each', async () => {
    const w = await world()
    const minted = await mint(w, 5)
    const as = byToken(minted)
    await w.result(delegateToken, { scopes: ['demo:read'] }, as)
    expect(left(w, grantIn(minted))).toBe(4)
    await w.result(renewToken, {}, as)
    expect(left(w, grantIn(minted))).toBe(3)
    await check(w, w.local.presented, { act_as: grantIn(minted) })
    expect(left(w, grantIn(minted))).toBe(2)
    await check(w, w.local.presented)
    expect(left(w, grantIn(minted))).toBe(2)
  })

  test('is not refilled by renewing or by a repeat', async () => {
    const w = await world()
    const asked = {
      scopes,
      uses: 1,
      grant_ttl_seconds: 900,
      delivery: 'meta',
      idempotency_key: 'k',
    }
    const first = await w.call(mintToken, asked, w.local)
    expect((await check(w, byToken(first))).ok).toBe(true)
    const again = await w.call(mintToken, asked, w.local)
    const renewed = { grant_id: grantIn(first), delivery: 'meta' }
    for (const answer of [first, again, await w.call(renewToken, renewed, w.local)]) {
      expect(codesOf([await check(w, byToken(answer))])).toEqual(['uses_exhausted'])
    }
  })
})

describe('a use under a child', () => {
  test('is taken from every limited grant above, or from none', async () => {
    const w = await world()
    const root = grantIn(await mint(w, 10))
    const middle = (await w.result(delegateToken, { scopes, act_as: root, uses: 4 }, w.local))
      .grant_id
    const first = await child(w, middle, 3)
    const second = await child(w, middle, 2)
    expect([root, middle, first, second].map((id) => left(w, id))).toEqual([7, 2, 3, 2])
    const act = (act_as: string) => check(w, w.local.presented, { act_as })
    expect(codesOf([await act(first), await act(first), await act(first)])).toEqual([
      'allowed',
      'allowed',
      'uses_exhausted',
    ])
    expect([root, middle, first, second].map((id) => left(w, id))).toEqual([5, 0, 1, 2])
    expect(codesOf([await act(second)])).toEqual(['uses_exhausted'])
  })

  test('cannot be given more than is left, and shares what is left when it is not said', async () => {
    const w = await world()
    const root = grantIn(await mint(w, 3))
    const more = { scopes: ['demo:read'], act_as: root, uses: 4 }
    expect((await w.refusal(delegateToken, more, w.local)).code).toBe('exceeds_parent')
    const under = await child(w, root)
    expect((await w.result(whoami, { act_as: under }, w.local)).grant.uses_left).toBe(2)
    await check(w, w.local.presented, { act_as: root })
    await check(w, w.local.presented, { act_as: root })
    expect((await w.refusal(delegateToken, { ...more, uses: 1 }, w.local)).code).toBe(
      'uses_exhausted',
    )
    expect((await w.result(whoami, { act_as: under }, w.local)).grant.uses_left).toBe(0)
  })
})

describe('forty calls at once, over two processes', () => {
  test('spend a budget of ten exactly', async () => {
    const w = await world()
    const processes = [w.context, await w.startProcess()]
    const minted = await mint(w, 10)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => check(w, byToken(minted), {}, processes[i % 2])),
    )
    expect(codesOf(answers).filter((code) => code === 'allowed')).toHaveLength(10)
    expect(new Set(codesOf(answers))).toEqual(new Set(['allowed', 'uses_exhausted']))
    expect(left(w, grantIn(minted))).toBe(0)
  })

  test('under two children spend no more than their parent has', async () => {
    const w = await world()
    const processes = [w.context, await w.startProcess()]
    const root = grantIn(await mint(w, 12))
    const children = [await child(w, root, 10), await child(w, root, 10)]
    expect(left(w, root)).toBe(10)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        check(w, w.local.presented, { act_as: children[i % 2] }, processes[(i >> 1) % 2]),
      ),
    )
    expect(codesOf(answers).filter((code) => code === 'allowed')).toHaveLength(10)
    const spent = children.map((id) => 10 - Number(left(w, id)))
    expect([left(w, root), (spent[0] ?? 0) + (spent[1] ?? 0)]).toEqual([0, 10])
  })
})

test('what was told of another grant’s uses is not told again once they were spent', async () => {
  const w = await world()
  const args = { scopes: ['demo:read', 'tokens:delegate'], uses: 3 }
  const { grant_id } = await w.result(mintToken, args, w.local)
  const left = async () => {
    const { limits } = await w.result(listPermissions, { grant_id }, w.local)
    return limits.uses_left
  }
  const before = await left()
  await w.result(checkPermission, { permissions: ['demo:read'], act_as: grant_id }, w.local)
  expect([before, await left()]).toEqual([3, 2])
})
