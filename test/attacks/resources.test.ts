// Attacks by resources and lists (authority: 37). A resource is a read of an operation, by the same caller
// with the same permission, and in the same audit; only the public keys are anyone's.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { Refusal } from '../../src/core/refusal.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { delegationTree } from '../../src/operations/delegation-tree.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { answer } from '../../src/transports/mcp/methods.ts'
import type { RpcError } from '../../src/transports/mcp/rpc-error.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import type { Surface } from '../../src/transports/surface.ts'
import {
  byToken,
  eventsOf,
  filesBelow,
  findingsOf,
  grantIn,
  handedIn,
  tablesOf,
} from '../support/evidence.ts'
import { nothing } from '../support/every-operation.ts'
import { world } from '../support/world.ts'

const plain = { meta: undefined }
const nobody: Presented = { kind: 'nothing' }
const tree = 'remit://delegation-tree'
const agent = (id: string) => `remit://agents/${id}`

const refusedRead = async (
  surface: Surface,
  uri: string,
  source: Parameters<Surface['readResource']>[1] = plain,
) => {
  try {
    await surface.readResource(uri, source)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('It could be read.')
}

const names = async (listing: Promise<{ items: readonly { readonly name: string }[] }>) =>
  (await listing).items.map(({ name }) => name)

describe('what is read', () => {
  test('is what the operation answers to the same caller', async () => {
    const w = await world()
    const surface = operationSurface(w.context, w.local.presented)
    const { text } = await surface.readResource(agent(w.local.id), plain)
    expect(JSON.parse(text)).toEqual(await w.result(getAgent, { agent: 'local' }, w.local))
    const drawn = await surface.readResource(tree, plain)
    expect(JSON.parse(drawn.text)).toEqual(await w.result(delegationTree, {}, w.local))
  })

  test('needs the permission: another agent is as unknown as none', async () => {
    const w = await world()
    const surface = operationSurface(w.context, w.local.presented)
    const told = await Promise.all(
      [w.admin.id, nothing.agent].map((id) => refusedRead(surface, agent(id))),
    )
    const [known, unknown] = told.map((each) => ({ ...each.toError(), decision_id: '' }))
    expect(known).toEqual(unknown)
    expect(known).toMatchObject({ code: 'not_found' })
  })

  test('is in the audit, as the read it is, allowed and refused', async () => {
    const w = await world()
    const surface = operationSurface(w.context, w.local.presented)
    await surface.readResource(agent(w.local.id), plain)
    await refusedRead(surface, agent(w.admin.id))
    const events = await eventsOf(w, 'get_agent')
    expect(events.map(({ agentId, code }) => [agentId, code]).toSorted()).toEqual([
      [w.local.id, 'allowed'],
      [w.local.id, 'not_found'],
    ])
  })

  test('is not there for nobody, for a dead token or for whoever cannot prove itself', async () => {
    const w = await world()
    const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, delivery: 'meta' }
    const minted = await w.call(mintToken, asked, w.local)
    const token = byToken(minted)
    const surface = operationSurface(w.context, token)
    await surface.readResource(tree, plain)
    await w.result(revokeToken, { grant_id: grantIn(minted), cause: 'test' })
    expect((await refusedRead(surface, tree)).code).toBe('invalid_token')
    for (const uri of [tree, agent(w.local.id)]) {
      const stranger = operationSurface(w.context, nobody)
      expect((await refusedRead(stranger, uri)).code).toBe('invalid_client')
      const empty = { meta: { 'dev.remit/token': '' } }
      const admin = operationSurface(w.context, w.admin.presented)
      expect((await refusedRead(admin, uri, empty)).code).toBe('invalid_client')
    }
  })

  test.each([
    'remit://agents',
    'remit://agents/',
    'remit://agents/local',
    'remit://agents/../jwks',
    'remit://agents/%61gt_00000000000000000000000005',
    'remit://agents/agt_00000000000000000000000005/secret',
    'remit://agents/crd_00000000000000000000000007',
    'remit://delegation-tree?root=grt_00000000000000000000000001',
    'remit://delegation-tree/',
    'REMIT://jwks',
    'remit://jwks#',
    'remit://',
    '',
    'file:///etc/passwd',
    '__proto__',
  ])('%s is nothing', async (uri) => {
    const w = await world()
    const surface = operationSurface(w.context, w.admin.presented)
    const refusal = await refusedRead(surface, uri)
    expect(refusal.code).toBe('not_found')
    expect(refusal.message).toBe('Nothing is known under that name or id.')
  })

  test.each(['remit://agents/', 'remit://', '', 'remit://jwks?', 'file:///tmp/'])(
    'is refused where %s is followed by a secret or a token, unechoed and with its finding',
    async (before) => {
      const w = await world()
      const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, delivery: 'meta' }
      const token = handedIn(await w.call(mintToken, asked, w.local))
      const surface = operationSurface(w.context, w.admin.presented)
      const log = { error: () => {} }
      for (const held of [
        newSecret('agent_secret').reveal(),
        newSecret('handoff').reveal(),
        token,
      ]) {
        const found = (await findingsOf(w)).length
        const params = { uri: `${before}${held}` }
        const asking = answer('resources/read', params, plain, surface, log)
        const told = await asking.catch((error: unknown) => error)
        expect(told).toMatchObject({
          name: 'RpcError',
          code: -32600,
          message: 'An argument holds a secret or a token where none belongs.',
          data: { code: 'invalid_request' },
        })
        expect((await findingsOf(w)).slice(found)).toEqual(['secret_in_argument'])
        const remembered = [told, await eventsOf(w), tablesOf(w), filesBelow(w.home)]
        expect(JSON.stringify(remembered)).not.toContain(held)
        expect((told as RpcError).data).not.toHaveProperty('uri')
      }
    },
  )

  test('is not echoed to nobody either', async () => {
    const w = await world()
    const held = newSecret('api_key').reveal()
    const refusal = await refusedRead(operationSurface(w.context, nobody), agent(held))
    expect(refusal.code).toBe('invalid_client')
    expect(JSON.stringify(refusal.toError())).not.toContain(held)
  })

  test('the public keys are anyone’s, and public', async () => {
    const w = await world()
    const { text } = await operationSurface(w.context, nobody).readResource('remit://jwks', plain)
    const { keys } = JSON.parse(text) as { keys: Record<string, unknown>[] }
    expect(keys).toHaveLength(1)
    expect(keys.flatMap((key) => Object.keys(key)).toSorted()).toEqual(
      ['alg', 'crv', 'kid', 'kty', 'use', 'x'].toSorted(),
    )
  })
})

describe('what is listed', () => {
  test('is what the presented authority may call, narrowed by the harness', async () => {
    const w = await world()
    const surface = operationSurface(w.context, w.admin.presented)
    const all = await names(surface.listTools(plain))
    const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900 }
    const { grant_id } = await w.result(delegateToken, asked)
    const narrowed = { meta: { 'dev.remit/act_as': grant_id } }
    const few = await names(surface.listTools(narrowed))
    expect(few).not.toContain('register_agent')
    expect(few).not.toContain('mint_token')
    expect(few.every((name) => all.includes(name))).toBe(true)
    const foreign = { meta: { 'dev.remit/act_as': nothing.grant } }
    const no = { code: 'not_found' }
    await expect(surface.listTools(foreign)).rejects.toMatchObject(no)
    await expect(surface.listResources(foreign)).rejects.toMatchObject(no)
    await expect(surface.listResourceTemplates(foreign)).rejects.toMatchObject(no)
  })

  test('may be kept no longer than the grant lives', async () => {
    const w = await world()
    const asked = { scopes: ['demo:read'], ttl_seconds: 40, delivery: 'meta' }
    const minted = await w.call(mintToken, asked, w.local)
    const surface = operationSurface(w.context, nobody)
    const source = { meta: { 'dev.remit/token': handedIn(minted) } }
    const ttls = async () =>
      (
        await Promise.all([
          surface.listTools(source),
          surface.listResources(source),
          surface.listResourceTemplates(source),
        ])
      ).map(({ ttlMs }) => ttlMs)
    expect(await ttls()).toEqual([40_000, 40_000, 40_000])
    w.pass(39)
    expect(await ttls()).toEqual([1000, 1000, 1000])
    w.pass(1)
    await expect(ttls()).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test.each<[string, object, string]>([
    ['empty', { 'dev.remit/token': '' }, 'invalid_client'],
    ['malformed', { 'dev.remit/token': 'x' }, 'invalid_token'],
    ['half of one', { 'dev.remit/agent_id': 'agt_x' }, 'invalid_client'],
    ['unknown', { 'dev.remit/tokens': 'x' }, 'invalid_client'],
  ])(
    'is nobody’s for a credential that is %s, whatever the environment has',
    async (_, meta, code) => {
      const w = await world()
      const surface = operationSurface(w.context, w.admin.presented)
      await expect(surface.listTools({ meta: { ...meta } })).rejects.toMatchObject({ code })
    },
  )

  test('is a stranger’s once the agent is suspended', async () => {
    const w = await world()
    const surface = operationSurface(w.context, w.local.presented)
    expect((await names(surface.listTools(plain))).length).toBeGreaterThan(10)
    await w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause: 'test' })
    expect(await names(surface.listTools(plain))).toEqual(['whoami', 'claim_handoff'])
    expect(await names(surface.listResources(plain))).toEqual(['jwks'])
  })
})
