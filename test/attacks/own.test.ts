// Authority, rule 3: what is one's own is what hangs below the acting grant, or what one's credential
// made; never "everything of my agent", never what lies above or beside.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { delegationTree } from '../../src/operations/delegation-tree.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { listTokens } from '../../src/operations/list-tokens.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { delegated, minted, secretFrom, tried } from './attack.ts'

/** Two credentials of one agent, each with a root, and a branch of two below the first. */
async function branches(w: World) {
  const agent = await w.addAgent('worker', 'demo:* tokens:delegate')
  const added = { agent: 'worker', kind: 'secret', delivery: 'meta' }
  const second = secretFrom(await w.call(addCredential, added, agent), agent.id)
  const scopes = ['demo:read', 'tokens:delegate']
  const root = await minted(w, agent, { scopes, task: 'a' })
  const child = await delegated(w, root.presented, { scopes, task: 'a' })
  const leaf = await delegated(w, child.presented, { scopes: ['demo:read'] })
  const beside = await delegated(w, root.presented, { scopes, task: 'a' })
  const foreign = await minted(w, second, { scopes, task: 'a' })
  return { agent, second, root, child, leaf, beside, foreign }
}

test('each way of asking about a grant reaches what is one’s own and nothing else', async () => {
  const w = await world()
  const b = await branches(w)
  const rows = [
    ['a token and its own grant', b.child.presented, b.child, true],
    ['a token and what hangs below', b.child.presented, b.leaf, true],
    ['a token and its parent', b.child.presented, b.root, false],
    ['a token and its sibling', b.child.presented, b.beside, false],
    ['a token and another root', b.child.presented, b.foreign, false],
    ['a leaf and what is above', b.leaf.presented, b.child, false],
    ['a credential and its root', b.agent, b.root, true],
    ['a credential and below its root', b.agent, b.leaf, true],
    ['a credential and a root of another one', b.agent, b.foreign, false],
    ['another credential of the agent', b.second, b.leaf, false],
  ] as const
  for (const [what, as, { grantId }, isOwn] of rows) {
    const expected = [what, isOwn ? 'allowed' : 'not_found']
    const ways = [
      ['check_permission', { permissions: ['demo:read'], grant_id: grantId }],
      ['list_permissions', { grant_id: grantId }],
      ['list_tokens', { grant_id: grantId }],
      ['delegation_tree', { root: grantId }],
      ['whoami', { act_as: grantId }],
      ['revoke_token', { grant_id: grantId, cause: 'test', dry_run: true }],
    ] as const
    for (const [name, args] of ways) {
      expect([name, what, await tried(w, name, args, as)]).toEqual([name, ...expected])
    }
    const { active } = await w.result(introspectToken, { grant_id: grantId }, as)
    expect([what, active]).toEqual([what, isOwn])
  }
})

const idsOf = (list: readonly { readonly grant_id: string }[]) =>
  list.map(({ grant_id }) => grant_id).toSorted()

test('lists show one’s own grants only, and naming the agent shows no more', async () => {
  const w = await world()
  const b = await branches(w)
  const own = [b.child.grantId, b.leaf.grantId].toSorted()
  for (const args of [{}, { agent: 'worker' }, { task: 'a' }, { include_dead: true }]) {
    const { tokens } = await w.result(listTokens, args, b.child.presented)
    expect([args, idsOf(tokens)]).toEqual([args, own])
  }
  const tree = await w.result(delegationTree, {}, b.child.presented)
  expect(idsOf(tree.nodes)).toEqual(own)
  const { tokens } = await w.result(listTokens, { agent: 'worker' }, b.second)
  expect(idsOf(tokens)).toEqual([b.foreign.grantId])
})

test('a successor inherits what its predecessors made, the old secret not what comes after', async () => {
  const w = await world()
  const b = await branches(w)
  const answer = await w.call(rotateCredential, { delivery: 'meta' }, b.agent)
  const successor = secretFrom(answer, b.agent.id)
  expect(await tried(w, 'whoami', { act_as: b.leaf.grantId }, successor)).toBe('allowed')
  expect(await tried(w, 'whoami', { act_as: b.foreign.grantId }, successor)).toBe('not_found')
  const later = await minted(w, successor, { scopes: ['demo:read'] })
  expect(await tried(w, 'whoami', { act_as: later.grantId }, b.agent)).toBe('not_found')
})

test('credentials, claims and renewals are refused under act_as, by argument and by harness', async () => {
  const w = await world()
  const b = await branches(w)
  const rows = [
    ['add_credential', { agent: 'worker', kind: 'secret', delivery: 'meta' }],
    ['rotate_credential', { delivery: 'meta' }],
    ['revoke_credential', { credential_id: b.agent.credentialId, cause: 'test' }],
    ['claim_handoff', { handoff: 'rmt_hof_none' }],
    ['renew_token', { grant_id: b.child.grantId }],
  ] as const
  for (const [name, args] of rows) {
    const byArgument = await tried(w, name, { ...args, act_as: b.child.grantId }, b.agent)
    const meta = { 'dev.remit/act_as': b.child.grantId }
    const byHarness = await tried(w, name, args, b.agent, { meta })
    expect([name, byArgument, byHarness]).toEqual([name, 'invalid_request', 'invalid_request'])
  }
})

test('with a token the credentials of one’s own agent need their permission', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read credentials:create credentials:rotate')
  const bare = await minted(w, agent, { scopes: ['demo:read'] })
  const rows = [
    [
      'add_credential',
      { agent: 'worker', kind: 'secret', scopes: ['demo:read'], delivery: 'meta' },
    ],
    ['rotate_credential', { credential_id: agent.credentialId, delivery: 'meta' }],
    ['revoke_credential', { credential_id: agent.credentialId, cause: 'test' }],
  ] as const
  for (const [name, args] of rows) {
    expect([name, await tried(w, name, args, bare.presented)]).toEqual([name, 'insufficient_scope'])
  }
  const scopes = ['demo:read', 'credentials/worker:create']
  const permitted = await minted(w, agent, { scopes })
  expect(await tried(w, 'add_credential', rows[0][1], permitted.presented)).toBe('allowed')
})

test('the grants of another organisation do not exist', async () => {
  const w = await world()
  const b = await branches(w)
  const { admin } = await w.addOrg('elsewhere')
  const args = { act_as: b.child.grantId }
  expect(await tried(w, 'whoami', args, admin)).toBe('not_found')
  const foreign = { grant_id: b.child.grantId, cause: 'test' }
  expect(await tried(w, 'revoke_token', foreign, admin)).toBe('not_found')
  const agent = { agent: b.agent.id, status: 'suspended', cause: 'test' }
  expect(await tried(w, 'set_agent_status', agent, admin)).toBe('not_found')
  const credential = { credential_id: b.agent.credentialId, cause: 'test' }
  expect(await tried(w, 'revoke_credential', credential, admin)).toBe('not_found')
  expect(await tried(w, 'revoke_token', { task: 'a', cause: 'test' }, admin)).toBe('allowed')
  expect(await tried(w, 'whoami', {}, b.leaf.presented)).toBe('allowed')
})
