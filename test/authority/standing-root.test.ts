// One root per credential and scope limit, kept across restarts and rotations, and never revived.

import { describe, expect, test } from 'vitest'
import { standingRoot } from '../../src/authority/standing-root.ts'
import type { Context } from '../../src/authority/context.ts'
import { parseScopes } from '../../src/core/scope.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { ask, whoami } from '../operations/asking.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** The standing root of `local`'s credential, or of another one. */
async function rootOf(w: World, context: Context = w.context, id = w.local.credentialId) {
  await context.live.refresh()
  const credential = context.live.credential(id)
  if (credential === undefined) throw new Error('No such credential.')
  return (await standingRoot(context, credential)).grant
}

const limited = async (w: World, scopes: string) =>
  w.startProcess({ scopes: parseScopes(scopes) ?? [] })

test('it is a root without end, as deep as can be, with nothing of its own', async () => {
  const w = await world()
  const root = await rootOf(w)
  expect(root).toEqual({
    id: expect.stringMatching(/^grt_/),
    orgId: w.orgId,
    agentId: w.local.id,
    instanceId: expect.stringMatching(/^ins_/),
    lineage: [],
    scopes: [],
    audience: [],
    depth: 0,
    maxDepth: 16,
    require: [],
    credentialId: w.local.credentialId,
    standing: true,
    createdSeq: expect.any(Number),
    createdAt: w.now(),
  })
})

describe('the same one serves', () => {
  test('every call and every process', async () => {
    const w = await world()
    const root = await rootOf(w)
    w.pass(400 * 86_400)
    expect((await rootOf(w)).id).toBe(root.id)
    expect((await rootOf(w, await w.startProcess())).id).toBe(root.id)
  })

  test('two processes whose first calls race', async () => {
    const w = await world()
    const other = await w.startProcess()
    const [one, two] = await Promise.all([rootOf(w), rootOf(w, other)])
    expect(one.id).toBe(two.id)
    expect(w.read(`select count(*) from grants where agent_id = '${w.local.id}'`)).toBe(1)
  })

  test('the successor of its credential', async () => {
    const w = await world()
    const root = await rootOf(w)
    const { credential_id } = await ask(w, rotateCredential, {}, w.local)
    expect((await rootOf(w, w.context, credential_id)).id).toBe(root.id)
  })

  test('after another agent was suspended, and after this one got a larger ceiling', async () => {
    const w = await world()
    const root = await rootOf(w)
    await w.addAgent('other', 'demo:read')
    await ask(w, setAgentStatus, { agent: 'other', status: 'suspended', cause: 'x' })
    const ceiling = ['demo:*', 'tokens:delegate', 'audit:read']
    await ask(w, updateAgent, { agent: 'local', ceiling })
    expect((await rootOf(w)).id).toBe(root.id)
    expect(await ask(w, whoami, {}, w.local)).toMatchObject({ grant: { scopes: ceiling } })
  })
})

describe('another one is made', () => {
  test('for another credential of the same agent', async () => {
    const w = await world()
    const { credential_id } = await ask(w, addCredential, { agent: 'local', kind: 'secret' })
    expect((await rootOf(w, w.context, credential_id)).id).not.toBe((await rootOf(w)).id)
  })

  test('for each limit of scopes, which bounds it', async () => {
    const w = await world()
    const plain = await rootOf(w)
    const read = await limited(w, 'demo:read')
    const bounded = await rootOf(w, read)
    expect(bounded).toMatchObject({ scopeLimit: parseScopes('demo:read') })
    expect((await rootOf(w, await limited(w, 'demo:read'))).id).toBe(bounded.id)
    expect((await rootOf(w, await limited(w, 'demo:write'))).id).not.toBe(bounded.id)
    expect((await rootOf(w)).id).toBe(plain.id)
    expect(await ask(w, whoami, {}, w.local, { in: read })).toMatchObject({
      grant: { id: bounded.id, scopes: ['demo:read'] },
    })
  })

  test.each<[string, (w: World) => Promise<unknown>]>([
    [
      'it was revoked',
      async (w) => ask(w, revokeToken, { grant_id: (await rootOf(w)).id, cause: 'x' }),
    ],
    ['all grants of the agent were', (w) => ask(w, revokeToken, { agent: 'local', cause: 'x' })],
    [
      'all grants of the credential were',
      (w) => ask(w, revokeToken, { credential_id: w.local.credentialId, cause: 'x' }),
    ],
    [
      'the agent was suspended meanwhile',
      async (w) => {
        await ask(w, setAgentStatus, { agent: 'local', status: 'suspended', cause: 'x' })
        await ask(w, setAgentStatus, { agent: 'local', status: 'active', cause: 'x' })
      },
    ],
    [
      'the ceiling was cut meanwhile',
      async (w) => {
        await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:read'] })
        await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:*'] })
      },
    ],
  ])('once %s', async (_, end) => {
    const w = await world()
    const { id } = await rootOf(w)
    await end(w)
    const next = await rootOf(w)
    expect(next.id).not.toBe(id)
    expect((await rootOf(w)).id).toBe(next.id)
    expect((await rootOf(w, await w.startProcess())).id).toBe(next.id)
  })

  test('by the successor of a credential that was compromised', async () => {
    const w = await world()
    const { id } = await rootOf(w)
    const asked = { overlap_seconds: 0, delivery: 'inline' }
    const { credential_id } = await ask(w, rotateCredential, asked, w.local)
    expect((await rootOf(w, w.context, credential_id)).id).not.toBe(id)
  })
})

test('a credential that was revoked starts none', async () => {
  const w = await world()
  await rootOf(w)
  const asked = { credential_id: w.local.credentialId, cause: 'x' }
  await ask(w, revokeCredential, asked)
  const grants = w.read(`select count(*) from grants`)
  await expect(rootOf(w)).rejects.toMatchObject({ code: 'invalid_client' })
  expect(w.read(`select count(*) from grants`)).toBe(grants)
})
