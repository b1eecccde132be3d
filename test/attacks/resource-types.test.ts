// Attacks on resource types (authority: 28). Remit's own are nobody's, another's is not one's own, and a
// `*` that was granted before an operation existed does not mean it.

import { describe, expect, test } from 'vitest'
import { reservedTypes } from '../../src/core/reserved-types.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { listResourceTypes } from '../../src/operations/list-resource-types.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { registerServer } from '../../src/authority/register-server.ts'
import { authorityIn, byToken } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

const type = (name: string, operations: readonly string[]) => ({
  type: name,
  operations,
  description: '',
})

const allowed = async (w: World, permission: string, as: Parameters<World['call']>[2]) => {
  const answer = await w.result(checkPermission, { permissions: [permission] }, as)
  return answer.results[0]?.code
}

describe('a reserved type', () => {
  test.each([...reservedTypes.keys()])('%s belongs to nobody', async (name) => {
    const w = await world()
    const before = await w.result(listResourceTypes)
    const refusal = await w.refusal(registerResourceType, type(name, ['read', 'own']))
    expect(refusal.code).toBe('conflict')
    expect(await w.result(listResourceTypes)).toEqual(before)
  })

  test('means the same where its row was planted with a name in other letters', async () => {
    const w = await world()
    for (const name of [
      'Tool',
      'TOKENS',
      ' tool',
      'tool ',
      'tоol',
      'tool/x',
      'tool:x',
      '__proto__',
    ]) {
      const refusal = await w.refusal(registerResourceType, type(name, ['invoke']))
      expect([name, refusal.code]).toEqual([name, 'invalid_request'])
    }
  })
})

describe('a type of another', () => {
  const registrant = (w: World, name: string): Promise<Holder> =>
    w.addAgent(name, 'resource_types:register papers:*')

  test('is neither extended nor described by anyone but its first registrant', async () => {
    const w = await world()
    const first = await registrant(w, 'first')
    const second = await registrant(w, 'second')
    await w.result(registerResourceType, type('papers', ['read']), first)
    const before = authorityIn(w)
    for (const as of [second, w.admin]) {
      const refusal = await w.refusal(registerResourceType, type('papers', ['read', 'burn']), as)
      expect(refusal.code).toBe('conflict')
    }
    expect(authorityIn(w).resource_types).toEqual(before.resource_types)
    const added = type('papers', ['read', 'write'])
    expect((await w.result(registerResourceType, added, first)).operations).toEqual([
      'read',
      'write',
    ])
  })

  test('of two that register it at once belongs to one of them', async () => {
    const w = await world()
    const [first, second] = [await registrant(w, 'first'), await registrant(w, 'second')]
    const other = await w.startProcess()
    const answers = await Promise.all([
      w.call(registerResourceType, type('papers', ['read']), first),
      w.call(registerResourceType, type('papers', ['burn']), second, { in: other }),
    ])
    expect(answers.map((answer) => (answer.ok ? 'won' : answer.refusal.code)).toSorted()).toEqual([
      'conflict',
      'won',
    ])
  })

  test('loses no operation, and another organisation has its own', async () => {
    const w = await world()
    const first = await registrant(w, 'first')
    await w.result(registerResourceType, type('papers', ['read', 'write']), first)
    const fewer = await w.refusal(registerResourceType, type('papers', ['read']), first)
    expect(fewer.code).toBe('conflict')
    const { admin } = await w.addOrg('other')
    expect(await allowed(w, 'papers:read', admin)).toBe('invalid_scope')
    await w.result(registerResourceType, type('papers', ['burn']), admin)
    expect(await allowed(w, 'papers:burn', admin)).toBe('allowed')
    expect(await allowed(w, 'papers:burn', w.admin)).toBe('invalid_scope')
  })
})

describe('* as operation', () => {
  test('means what was registered when it was granted, for the grant and all below it', async () => {
    const w = await world()
    const owner = await w.addAgent('owner', 'resource_types:register papers:* tokens:delegate')
    await w.result(registerResourceType, type('papers', ['read']), owner)
    const asked = { scopes: ['papers:*', 'tokens:delegate'], delivery: 'meta' }
    const old = byToken(await w.call(mintToken, asked, owner))
    await w.result(registerResourceType, type('papers', ['read', 'burn']), owner)
    expect(await allowed(w, 'papers:read', old)).toBe('allowed')
    expect(await allowed(w, 'papers:burn', old)).toBe('insufficient_scope')
    const child = byToken(
      await w.call(delegateToken, { scopes: ['papers:*'], delivery: 'meta' }, old),
    )
    expect(await allowed(w, 'papers:read', child)).toBe('allowed')
    expect(await allowed(w, 'papers:burn', child)).toBe('insufficient_scope')
    const burning = { scopes: ['papers:burn'] }
    expect((await w.refusal(delegateToken, burning, old)).code).toBe('exceeds_parent')
    const fresh = byToken(await w.call(mintToken, asked, owner))
    expect(await allowed(w, 'papers:burn', fresh)).toBe('allowed')
  })
})

describe('the tools of a server', () => {
  const registering = (w: World, tools: readonly { name: string; scope_name?: string }[]) =>
    registerServer(w.context, { ...w.registering(), tools })

  test.each([
    ['a name that is none', [{ name: 'Create Issue' }]],
    ['a path', [{ name: 'other/tool' }]],
    ['a wildcard', [{ name: '*' }]],
    ['a scope name that is none', [{ name: 'Create', scope_name: 'Create' }]],
    ['one name twice', [{ name: 'create' }, { name: 'create' }]],
    [
      'a scope name that is another tool',
      [{ name: 'create' }, { name: 'X', scope_name: 'create' }],
    ],
  ])('with %s are not registered', async (_, tools) => {
    const w = await world({ registered: false })
    await expect(registering(w, tools)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  test('with a scope name of their own are', async () => {
    const w = await world({ registered: false })
    await registering(w, [{ name: 'Create Issue', scope_name: 'create_issue' }, { name: 'close' }])
    expect(w.context.live.server(w.serverId)?.tools).toHaveLength(2)
  })
})
