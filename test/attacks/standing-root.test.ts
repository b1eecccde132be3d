// Authority, rule 2: a call by credential runs under what is allowed now, below one standing root that
// neither outgrows its credential nor comes back once it was ended.

import { describe, expect, test } from 'vitest'
import { parseScopes } from '../../src/core/scope.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import type { Holder, World, WorldOptions } from '../support/world.ts'
import { world } from '../support/world.ts'
import { delegated, enters, may, named, secretFrom, tried } from './attack.ts'
import type { Context } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'

interface Root {
  readonly id: string
  readonly scopes: readonly string[]
}

async function rootOf(w: World, as: Holder | Presented, where?: Context): Promise<Root> {
  const more = where === undefined ? {} : { in: where }
  return ((await w.result(named('whoami'), {}, as, more)) as unknown as { grant: Root }).grant
}

const worker = async (options: WorldOptions = {}) => {
  const w = await world(options)
  return { w, agent: await w.addAgent('worker', 'demo:read demo:write tokens:delegate') }
}

test('a standing root is depth 0 of 16, without task, uses or end, for every server', async () => {
  const { w, agent } = await worker()
  const { grant } = (await w.result(named('whoami'), {}, agent)) as unknown as { grant: object }
  expect(grant).toEqual({
    id: expect.stringMatching(/^grt_/),
    lineage: [],
    scopes: ['demo:read', 'demo:write', 'tokens:delegate'],
    audience: [w.issuer],
    depth: 0,
    max_depth: 16,
  })
})

test('twenty first calls in two processes at once share one standing root', async () => {
  const { w, agent } = await worker()
  const other = await w.startProcess()
  const roots = await Promise.all(
    Array.from({ length: 20 }, (_, i) => rootOf(w, agent, i % 2 ? other : w.context)),
  )
  expect(new Set(roots.map(({ id }) => id)).size).toBe(1)
})

test('a restart neither ends children nor gives them another parent', async () => {
  const { w, agent } = await worker()
  const child = await delegated(w, agent, { scopes: ['demo:read'] })
  const before = await rootOf(w, agent)
  const restarted = await w.startProcess()
  expect(await rootOf(w, agent, restarted)).toEqual(before)
  expect(await enters(w, child.presented, { in: restarted })).toBe('allowed')
})

test('a successor stands on the same root; the children of the old secret live on', async () => {
  const { w, agent } = await worker()
  const child = await delegated(w, agent, { scopes: ['demo:read'] })
  const before = await rootOf(w, agent)
  const answer = await w.call(rotateCredential, { overlap_seconds: 10, delivery: 'meta' }, agent)
  const successor = secretFrom(answer, agent.id)
  expect((await rootOf(w, successor)).id).toBe(before.id)
  w.pass(10)
  expect(await enters(w, agent)).toBe('invalid_client')
  expect(await enters(w, child.presented)).toBe('allowed')
})

describe('a line of rotations', () => {
  /** Its successor by a rotation, the old one still good. */
  async function rotated(w: World, as: Holder | Presented, agentId: string, more: object = {}) {
    const answer = await w.call(rotateCredential, { delivery: 'meta', ...more }, as)
    const id = answer.ok ? String(answer.result['credential_id']) : ''
    return { id, as: secretFrom(answer, agentId) }
  }

  /** Four generations of one secret, the first with a child. */
  async function line() {
    const { w, agent } = await worker()
    const child = await delegated(w, agent, { scopes: ['demo:read'] })
    const root = await rootOf(w, agent)
    const second = await rotated(w, agent, agent.id)
    const third = await rotated(w, second.as, agent.id)
    const fourth = await rotated(w, third.as, agent.id)
    return { w, agent, child, root, second, third, fourth }
  }

  test('stands on the root of its first, which the last still calls its own', async () => {
    const { w, agent, child, root, second, third, fourth } = await line()
    const restarted = await w.startProcess()
    for (const where of [w.context, restarted]) {
      for (const as of [agent, second.as, third.as, fourth.as]) {
        expect((await rootOf(w, as, where)).id).toBe(root.id)
        expect(await tried(w, 'whoami', { act_as: child.grantId }, as, { in: where })).toBe(
          'allowed',
        )
      }
    }
  })

  test('leaves its root when any of those before was revoked, and then keeps the new one', async () => {
    const { w, agent, root, second, third, fourth } = await line()
    let before = root.id
    for (const credential_id of [agent.credentialId, second.id, third.id]) {
      await w.result(revokeCredential, { credential_id, cause: 'test' })
      const restarted = await w.startProcess()
      const after = await rootOf(w, fourth.as, restarted)
      expect(after.id).not.toBe(before)
      expect((await rootOf(w, fourth.as)).id).toBe(after.id)
      before = after.id
    }
  })

  test('keeps its root when a successor was discarded unused', async () => {
    const { w, agent } = await worker()
    const root = await rootOf(w, agent)
    await rotated(w, agent, agent.id)
    const fresh = await rotated(w, agent, agent.id, { replace_unused: true })
    const next = await rotated(w, fresh.as, agent.id)
    for (const { as } of [fresh, next]) expect((await rootOf(w, as)).id).toBe(root.id)
  })

  test('leaves a root from before a damaged record, whatever else was damaged with it', async () => {
    const { w, agent, root, second, third, fourth } = await line()
    await w.result(revokeCredential, { credential_id: agent.credentialId, cause: 'test' })
    w.tamper(`update credentials set agent_id = 'agt_x' where id = ?`, second.id)
    const restarted = await w.startProcess()
    const after = await rootOf(w, third.as, restarted)
    expect(after.id).not.toBe(root.id)
    for (const { as } of [fourth, third]) {
      expect((await rootOf(w, as, restarted)).id).toBe(after.id)
    }
  })
})

test('processes with other limits stand on other roots, and neither sees the other', async () => {
  const { w, agent } = await worker()
  const limited = await w.startProcess({ scopes: parseScopes('demo:read') ?? [] })
  const free = await rootOf(w, agent)
  const bound = await rootOf(w, agent, limited)
  expect([bound.scopes, bound.id === free.id]).toEqual([['demo:read'], false])
  expect(await may(w, agent, 'demo:write', { in: limited })).toBe('insufficient_scope')
})

test.each(['revoked', 'compromised', 'suspended'])(
  'a standing root that was %s is not used again',
  async (how) => {
    const { w, agent } = await worker()
    const other = await w.startProcess()
    const child = await delegated(w, agent, { scopes: ['demo:read'] })
    const before = await rootOf(w, agent)
    let now: Holder | Presented = agent
    if (how === 'revoked') await w.result(revokeToken, { grant_id: before.id, cause: 'test' })
    if (how === 'compromised') {
      const args = { overlap_seconds: 0, delivery: 'meta' }
      now = secretFrom(await w.call(rotateCredential, args, agent), agent.id)
    }
    if (how === 'suspended') {
      await w.result(setAgentStatus, { agent: 'worker', status: 'suspended', cause: 'test' })
      await w.result(setAgentStatus, { agent: 'worker', status: 'active', cause: 'test' })
    }
    for (const where of [w.context, other]) {
      const after = await rootOf(w, now, where)
      expect(after.id).not.toBe(before.id)
      expect(await enters(w, child.presented, { in: where })).toBe('ancestor_revoked')
      expect(await tried(w, 'whoami', { act_as: child.grantId }, now, { in: where })).not.toBe(
        'allowed',
      )
    }
  },
)

test('after its ceiling was cut and raised again, the old root and its children stay cut', async () => {
  const { w, agent } = await worker()
  const child = await delegated(w, agent, { scopes: ['demo:write'] })
  const before = await rootOf(w, agent)
  const ceiling = ['demo:read', 'demo:write', 'tokens:delegate']
  await w.result(updateAgent, { agent: 'worker', ceiling: ['demo:read', 'tokens:delegate'] })
  expect(await may(w, agent, 'demo:write')).toBe('insufficient_scope')
  await w.result(updateAgent, { agent: 'worker', ceiling })
  const after = await rootOf(w, agent)
  expect(after.id).not.toBe(before.id)
  expect(await may(w, agent, 'demo:write')).toBe('allowed')
  expect(await may(w, child.presented, 'demo:write')).toBe('insufficient_scope')
})

test('a root that an earlier clock named later is still the older one', async () => {
  const { w, agent } = await worker()
  const late: Context = {
    ...w.context,
    newId: (prefix) => w.context.newId(prefix).replace(/_0/, '_7'),
  }
  const before = await rootOf(w, agent, late)
  await w.result(revokeToken, { grant_id: before.id, cause: 'test' })
  const after = await rootOf(w, agent)
  expect(after.id < before.id).toBe(true)
  expect((await rootOf(w, agent)).id).toBe(after.id)
})

test('a call by credential runs under the ceiling of now, not of its first call', async () => {
  const { w, agent } = await worker()
  expect(await may(w, agent, 'demo:write')).toBe('allowed')
  await w.result(updateAgent, { agent: 'worker', ceiling: ['demo:read'] })
  expect(await may(w, agent, 'demo:write')).toBe('insufficient_scope')
})

test('the expiry of a credential makes no new children and ends none', async () => {
  const { w, agent } = await worker()
  const scopes = ['demo:read', 'tokens:delegate']
  const key = { agent: 'worker', kind: 'api_key', scopes, expires_at: w.now() + 10 }
  const answer = await w.call(addCredential, { ...key, delivery: 'meta' }, agent)
  const short = secretFrom(answer, agent.id)
  const child = await delegated(w, short, { scopes: ['demo:read'] })
  w.pass(10)
  expect(await tried(w, 'delegate_token', { scopes: ['demo:read'] }, short)).toBe('invalid_client')
  expect(await enters(w, child.presented)).toBe('allowed')
})

test('a child asks its standing root for no more than the audience and depth there are', async () => {
  const { w, agent } = await worker()
  const rows = [
    [{ audience: ['nowhere'] }, 'invalid_target'],
    [
      { audience: [`urn:remit:${w.context.self.storeId}:srv_00000000000000000000000099`] },
      'invalid_target',
    ],
    [{ max_depth: 17 }, 'invalid_request'],
    [{ max_depth: 16 }, 'allowed'],
  ] as const
  for (const [more, code] of rows) {
    const answer = await w.call(delegateToken, { scopes: ['demo:read'], ...more }, agent)
    expect([more, answer.ok ? 'allowed' : answer.refusal.code]).toEqual([more, code])
  }
})
