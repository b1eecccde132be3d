// Authority, rule 4: what outlives a grant is made and changed under a root or a credential only.

import { expect, test } from 'vitest'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { codeOf, delegated, minted, tried } from './attack.ts'

const all = [
  'agents:*',
  'credentials:*',
  'servers:*',
  'resource_types:*',
  'keys:*',
  'tokens:*',
  'demo:*',
]

const about = { name: 'made', description: '', owner: 'me', ceiling: ['demo:read'] }

/** Everything that makes or changes what outlives a grant. */
async function lasting(w: World) {
  const agent = await w.addAgent('victim', 'demo:read')
  const credential_id = agent.credentialId
  return [
    ['register_agent', { ...about, delivery: 'meta' }],
    ['register_agent', { ...about, name: 'bare', credential: { kind: 'none' } }],
    ['update_agent', { agent: 'victim', ceiling: ['demo:*'] }],
    ['update_agent', { agent: 'victim', description: 'other' }],
    ['set_agent_status', { agent: 'victim', status: 'suspended', cause: 'test' }],
    ['add_credential', { agent: 'victim', kind: 'secret', delivery: 'meta' }],
    ['rotate_credential', { credential_id, delivery: 'meta' }],
    ['revoke_credential', { credential_id, cause: 'test' }],
    ['register_resource_type', { type: 'vault', operations: ['open'], description: '' }],
    ['issue_registration_credential', { server_name: 'files' }],
    ['rotate_registration_credential', { server: 'remit', delivery: 'meta' }],
    ['revoke_registration_credential', { server: 'remit', cause: 'test' }],
    ['rotate_signing_key', {}],
  ] as const
}

test('a delegated grant makes nothing that outlives it, by token or act_as, not even dry', async () => {
  const w = await world()
  const rows = await lasting(w)
  const root = await minted(w, w.admin, { scopes: all })
  const child = await delegated(w, root.presented, { scopes: all })
  const viaCredential = await delegated(w, w.admin, { scopes: all })
  const before = w.read('select count(*) from changes')
  for (const [name, args] of rows) {
    for (const { presented } of [child, viaCredential]) {
      expect([name, await tried(w, name, args, presented)]).toEqual([name, 'exceeds_parent'])
      const dry = await tried(w, name, { ...args, dry_run: true }, presented)
      expect([name, 'dry', dry]).toEqual([name, 'dry', 'exceeds_parent'])
    }
    const acting = await tried(w, name, { ...args, act_as: child.grantId }, w.admin)
    expect([name, ['exceeds_parent', 'invalid_request'].includes(acting)]).toEqual([name, true])
  }
  expect(w.read('select count(*) from changes')).toBe(before)
})

test('the same is allowed under the root itself, and by the credential', async () => {
  const w = await world()
  const root = await minted(w, w.admin, { scopes: all })
  expect(codeOf(await w.call(registerAgent, { ...about, delivery: 'meta' }, root.presented))).toBe(
    'allowed',
  )
  const other = { ...about, name: 'other', act_as: root.grantId, delivery: 'meta' }
  expect(codeOf(await w.call(registerAgent, other))).toBe('allowed')
})

test('revoking a root names what was made under it, which lives on', async () => {
  const w = await world()
  const root = await minted(w, w.admin, { scopes: all })
  const made = await w.result(registerAgent, { ...about, delivery: 'meta' }, root.presented)
  const type = { type: 'vault', operations: ['open'], description: '' }
  await w.result(registerResourceType, type, root.presented)
  const { agent_id: id, credential_id: credential } = made
  const agent = w.context.live.agent(id)
  expect([agent?.createdBy, agent?.createdUnder]).toEqual([w.admin.id, root.grantId])
  for (const how of [{ dry_run: true }, { count: true }]) {
    const revoked = await w.result(revokeToken, { grant_id: root.grantId, cause: 'test', ...how })
    expect(revoked.made_under?.toSorted()).toEqual([id, credential, 'vault'].toSorted())
  }
  expect(w.context.live.agent(id)?.status).toBe('active')
})
