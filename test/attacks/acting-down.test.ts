// Authority, rules 12 to 14: `act_as` only ever narrows, and the record names who really called.

import { describe, expect, test } from 'vitest'
import { parseScopes } from '../../src/core/scope.ts'
import { authorityFor } from '../../src/operations/authority-for.ts'
import { operations } from '../../src/operations/index.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { putServer } from '../../src/store/servers.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { delegated, enters, may, minted, tried } from './attack.ts'

const scopes = ['demo:read', 'demo:write', 'tokens:delegate']

describe('acting down', () => {
  test('narrows to the grant, whatever the caller holds besides', async () => {
    const w = await world()
    const { grantId } = await delegated(w, w.admin, { scopes: ['demo:read'] })
    const meta = { 'dev.remit/act_as': grantId }
    expect(await may(w, w.admin, 'demo:read', { meta })).toBe('allowed')
    expect(await may(w, w.admin, 'demo:write', { meta })).toBe('insufficient_scope')
    expect(await tried(w, 'query_audit', {}, w.admin, { meta })).toBe('insufficient_scope')
  })

  test('narrows further by what the caller came with: a narrow key does not act wider', async () => {
    const w = await world()
    const worker = await w.addAgent('worker', scopes.join(' '))
    const wide = await minted(w, worker, { scopes })
    const limited = await w.startProcess({ scopes: parseScopes('demo:read') ?? [] })
    const meta = { 'dev.remit/act_as': wide.grantId }
    expect(await may(w, worker, 'demo:write', { meta })).toBe('allowed')
    const there = { meta, in: limited }
    expect(await may(w, worker, 'demo:read', there)).toBe('allowed')
    expect(await may(w, worker, 'demo:write', there)).toBe('insufficient_scope')
    const child = { scopes: ['demo:write'] }
    expect(await tried(w, 'delegate_token', child, worker, there)).toBe('exceeds_parent')
  })

  test('reaches only what descends from the caller’s own grant', async () => {
    const w = await world()
    const root = await minted(w, w.local, { scopes })
    const child = await delegated(w, root.presented, { scopes })
    const leaf = await delegated(w, child.presented, { scopes: ['demo:read'] })
    const beside = await delegated(w, root.presented, { scopes })
    const { admin } = await w.addOrg('elsewhere')
    const rows = [
      ['below', child.presented, leaf.grantId, 'allowed'],
      ['itself', child.presented, child.grantId, 'allowed'],
      ['above', child.presented, root.grantId, 'not_found'],
      ['beside', child.presented, beside.grantId, 'not_found'],
      ['another organisation', admin, leaf.grantId, 'not_found'],
      ['nothing', w.local, 'grt_00000000000000000000000zzz', 'not_found'],
      ['a token id', w.local, leaf.tokenId, 'invalid_request'],
      ['the token itself', w.local, leaf.text, 'invalid_request'],
    ] as const
    for (const [what, as, act_as, code] of rows) {
      expect([what, await tried(w, 'whoami', { act_as }, as)]).toEqual([what, code])
    }
  })

  test('an argument must descend from what the harness set, and cannot climb back', async () => {
    const w = await world()
    const root = await minted(w, w.local, { scopes })
    const child = await delegated(w, root.presented, { scopes })
    const leaf = await delegated(w, child.presented, { scopes: ['demo:read'] })
    const meta = { 'dev.remit/act_as': child.grantId }
    const more = { meta }
    expect(await tried(w, 'whoami', { act_as: leaf.grantId }, w.local, more)).toBe('allowed')
    expect(await tried(w, 'whoami', { act_as: root.grantId }, w.local, more)).toBe('not_found')
    const beside = await delegated(w, root.presented, { scopes })
    expect(await tried(w, 'whoami', { act_as: beside.grantId }, w.local, more)).toBe('not_found')
  })

  test('needs the grant to live', async () => {
    const w = await world()
    const root = await minted(w, w.local, { scopes, ttl_seconds: 60 })
    const child = await delegated(w, root.presented, { scopes })
    await w.result(revokeToken, { grant_id: child.grantId, cause: 'c' }, w.local)
    expect(await tried(w, 'whoami', { act_as: child.grantId }, w.local)).toBe('invalid_token')
    w.pass(60)
    expect(await tried(w, 'whoami', { act_as: root.grantId }, w.local)).toBe('invalid_token')
  })

  test('needs this server in the audience of the grant', async () => {
    const w = await world()
    await addServer(w, 'files')
    const child = await delegated(w, w.local, { scopes: ['demo:read'], audience: ['files'] })
    expect(await tried(w, 'whoami', { act_as: child.grantId }, w.local)).toBe('invalid_target')
    const meta = { 'dev.remit/act_as': child.grantId }
    expect(await tried(w, 'whoami', {}, w.local, { meta })).toBe('invalid_target')
    expect(await enters(w, child.presented)).toBe('invalid_token')
  })

  test('needs the own proof of a grant that is bound to a key', async () => {
    const w = await world()
    const child = await delegated(w, w.local, { scopes: ['demo:read'] })
    const grant = await w.context.live.grant(child.grantId)
    if (grant === undefined) throw new Error('The grant is missing.')
    const bound = { ...grant, id: w.context.newId('grt'), binding: 'thumbprint' }
    await w.write([insertGrant({ grant: bound, guard: [] })])
    expect(await tried(w, 'whoami', { act_as: bound.id }, w.local)).toBe('invalid_token')
    expect(await tried(w, 'whoami', { act_as: grant.id }, w.local)).toBe('allowed')
  })

  test('set by the harness it narrows the list of tools; unusable it hides all but whoami', async () => {
    const w = await world()
    const { grantId } = await delegated(w, w.admin, { scopes: ['demo:read'] })
    const seen = async (meta: Record<string, string>) => {
      const request = { environment: w.admin.presented, meta }
      const { visible } = await authorityFor(w.context, request, operations)
      return visible.map(({ name }) => name)
    }
    const narrowed = await seen({ 'dev.remit/act_as': grantId })
    expect(narrowed).toContain('check_permission')
    for (const name of ['mint_token', 'delegate_token', 'register_agent', 'add_credential']) {
      expect(narrowed).not.toContain(name)
    }
    const broken = await seen({ 'dev.remit/act_as': 'grt_00000000000000000000000zzz' })
    expect(broken.filter((name) => name !== 'claim_handoff')).toEqual(['whoami'])
    expect(await seen({})).toContain('register_agent')
  })
})

describe('REMIT_ACT_AS=required', () => {
  test('leaves the bare environment caller whoami, delegation and the tree', async () => {
    const w = await world({ settings: { actAs: 'required' } })
    const open = operations.filter(({ name }) => name !== 'register_mcp_server')
    const allowed: string[] = []
    for (const { name } of open) {
      const code = await tried(w, name, argumentsFor[name] ?? {}, w.admin)
      if (code === 'allowed') allowed.push(name)
    }
    expect(allowed.toSorted()).toEqual(['delegate_token', 'delegation_tree', 'whoami'])
    const { visible } = await authorityFor(
      w.context,
      { environment: w.admin.presented },
      operations,
    )
    expect(visible.map(({ name }) => name).toSorted()).toEqual([
      'delegate_token',
      'delegation_tree',
      'whoami',
    ])
  })

  test('does not bind a caller who acts down or comes with its own token', async () => {
    const w = await world({ settings: { actAs: 'required' } })
    const child = await delegated(w, w.local, { scopes: ['demo:read'] })
    const permissions = { permissions: ['demo:read'] }
    const acting = { ...permissions, act_as: child.grantId }
    expect(await tried(w, 'check_permission', permissions, w.local)).toBe('insufficient_scope')
    expect(await tried(w, 'check_permission', acting, w.local)).toBe('allowed')
    const meta = { 'dev.remit/token': child.text }
    expect(await tried(w, 'check_permission', permissions, w.local, { meta })).toBe('allowed')
  })
})

const argumentsFor: Readonly<Record<string, Record<string, unknown>>> = {
  check_permission: { permissions: ['demo:read'] },
  mint_token: { scopes: ['demo:read'] },
  delegate_token: { scopes: ['demo:read'] },
  register_agent: { name: 'n', description: '', owner: 'o', ceiling: ['demo:read'] },
  get_agent: { agent: 'local' },
  revoke_token: { agent: 'local', cause: 'c' },
  update_agent: { agent: 'local', owner: 'o' },
  set_agent_status: { agent: 'local', status: 'suspended', cause: 'c' },
  add_credential: { agent: 'admin', kind: 'secret' },
  register_resource_type: { type: 'vault', operations: ['open'], description: '' },
}

test('an event names the agent and grant acted under, and who really presented what', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:read')
  const child = await delegated(w, w.local, { scopes: ['demo:read'], to: 'helper' })
  const refused = { scopes: ['demo:write'], act_as: child.grantId }
  expect(await tried(w, 'delegate_token', refused, w.local)).not.toBe('allowed')
  const [event] = (await w.result(queryAudit, { operation: 'delegate_token', outcome: 'refused' }))
    .events
  expect(event).toMatchObject({
    outcome: 'refused',
    agent_id: helper.id,
    grant_id: child.grantId,
    presented: { agent_id: w.local.id, method: 'secret', credential_id: w.local.credentialId },
  })
})

test('an event of a call by token names that token and its grant', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes })
  const child = await delegated(w, root.presented, { scopes: ['demo:read'] })
  const args = { scopes: ['demo:write'], act_as: child.grantId }
  await tried(w, 'delegate_token', args, root.presented)
  const [event] = (await w.result(queryAudit, { operation: 'delegate_token', outcome: 'refused' }))
    .events
  expect([event?.grant_id, event?.presented]).toEqual([
    child.grantId,
    { agent_id: w.local.id, method: 'token', token_id: root.tokenId, grant_id: root.grantId },
  ])
})

test('uses are debited on the grant acted under and on every limited one above', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes, uses: 10 })
  const child = await delegated(w, root.presented, { scopes: ['demo:read'], uses: 2 })
  const left = (id: string) => w.read(`select uses_left from grant_uses where grant_id = '${id}'`)
  expect([left(root.grantId), left(child.grantId)]).toEqual([9, 2])
  const args = { permissions: ['demo:read'], act_as: child.grantId }
  expect(await tried(w, 'check_permission', args, w.local)).toBe('allowed')
  expect([left(root.grantId), left(child.grantId)]).toEqual([8, 1])
  expect(await tried(w, 'check_permission', args, root.presented)).toBe('allowed')
  expect([left(root.grantId), left(child.grantId)]).toEqual([7, 0])
  expect(await tried(w, 'check_permission', args, w.local)).toBe('uses_exhausted')
  expect([left(root.grantId), left(child.grantId)]).toEqual([7, 0])
})

async function addServer(w: World, name: string): Promise<void> {
  await w.write([
    putServer({
      id: 'srv_00000000000000000000000zzz',
      orgId: w.orgId,
      name,
      version: '1',
      status: 'active',
      tools: [],
      createdAt: w.now(),
      recordVersion: 1,
    }),
  ])
}
