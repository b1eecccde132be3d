// Authority, rule 16: what was taken from a live grant never returns to it.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { delegated, enters, may, minted, renewed, secretFrom, tried } from './attack.ts'

const all = ['demo:read', 'demo:write', 'tokens:delegate']

const setCeiling = (w: World, agent: string, ceiling: readonly string[]) =>
  w.result(updateAgent, { agent, ceiling })

async function chainOfThree(w: World) {
  const boss = await w.addAgent('boss', all.join(' '))
  const helper = await w.addAgent('helper', all.join(' '))
  const root = await minted(w, boss, { scopes: all, grant_ttl_seconds: 5000, ttl_seconds: 3000 })
  const life = { grant_ttl_seconds: 4000, ttl_seconds: 3000 }
  const child = await delegated(w, root.presented, { scopes: all, to: 'helper', ...life })
  const leaf = await delegated(w, child.presented, { scopes: all, ...life })
  return { boss, helper, root, child, leaf }
}

test('a ceiling that was cut and raised again gives nothing back to older grants', async () => {
  const w = await world()
  const { helper, root, child, leaf } = await chainOfThree(w)
  await setCeiling(w, 'helper', ['demo:read', 'tokens:delegate'])
  await setCeiling(w, 'helper', ['demo:*', 'tokens:delegate'])
  expect(await may(w, root.presented, 'demo:write')).toBe('allowed')
  for (const { presented } of [child, leaf]) {
    expect(await may(w, presented, 'demo:read')).toBe('allowed')
    expect(await may(w, presented, 'demo:write')).toBe('insufficient_scope')
  }
  const again = await renewed(w, helper, { grant_id: child.grantId })
  expect(await may(w, again.presented, 'demo:write')).toBe('insufficient_scope')
  const below = { scopes: ['demo:write'] }
  expect(await tried(w, 'delegate_token', below, again.presented)).toBe('exceeds_parent')
  const later = await delegated(w, root.presented, { scopes: ['demo:write'], to: 'helper' })
  expect(await may(w, later.presented, 'demo:write')).toBe('allowed')
})

test('a ceiling that only changes sideways is a cut of what it leaves out', async () => {
  const w = await world()
  const { child } = await chainOfThree(w)
  await setCeiling(w, 'helper', ['demo:write', 'tokens:delegate'])
  await setCeiling(w, 'helper', ['demo:read', 'tokens:delegate'])
  expect(await may(w, child.presented, 'demo:read')).toBe('insufficient_scope')
  expect(await may(w, child.presented, 'demo:write')).toBe('insufficient_scope')
})

test('a larger ceiling widens no grant, and a restart forgets no cut', async () => {
  const w = await world()
  const worker = await w.addAgent('worker', 'demo:read')
  const root = await minted(w, worker, { scopes: ['demo:read'] })
  await setCeiling(w, 'worker', ['demo:*'])
  expect(await may(w, root.presented, 'demo:write')).toBe('insufficient_scope')
  await setCeiling(w, 'worker', ['demo:write'])
  await setCeiling(w, 'worker', ['demo:*'])
  const restarted = await w.startProcess()
  expect(await may(w, root.presented, 'demo:read', { in: restarted })).toBe('insufficient_scope')
})

test('reactivating an agent revives no earlier grant, neither its own nor any below', async () => {
  const w = await world()
  const { boss, helper, root, child, leaf } = await chainOfThree(w)
  for (const status of ['suspended', 'active']) {
    await w.result(setAgentStatus, { agent: 'boss', status, cause: 'c' })
  }
  expect(await enters(w, boss)).toBe('allowed')
  for (const { presented, grantId } of [root, child, leaf]) {
    expect(['invalid_token', 'ancestor_revoked']).toContain(await enters(w, presented))
    for (const as of [boss, helper]) {
      expect(await tried(w, 'renew_token', { grant_id: grantId }, as)).not.toBe('allowed')
      expect(await tried(w, 'whoami', { act_as: grantId }, as)).not.toBe('allowed')
    }
  }
})

test('a retired agent stays retired, with its name', async () => {
  const w = await world()
  await w.addAgent('worker', 'demo:read')
  const to = (status: string) => ({ agent: 'worker', status, cause: 'c' })
  await w.result(setAgentStatus, to('retired'))
  for (const status of ['active', 'suspended']) {
    expect(await tried(w, 'set_agent_status', to(status), w.admin)).toBe('conflict')
  }
  const added = { agent: 'worker', kind: 'secret', delivery: 'meta' }
  expect(await tried(w, 'add_credential', added, w.admin)).toBe('agent_suspended')
  const again = { name: 'worker', description: '', owner: 'o', ceiling: ['demo:read'] }
  expect(await tried(w, 'register_agent', again, w.admin)).toBe('conflict')
})

test('a credential that retired in peace keeps its grants; a revoked one does not', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const added = { agent: 'worker', kind: 'secret', delivery: 'meta' }
  const rows = [
    ['revoke_credential', { kill_tokens: false, cause: 'c' }, 'allowed'],
    ['rotate_credential', { overlap_seconds: 1, delivery: 'meta' }, 'allowed'],
    ['revoke_credential', { cause: 'c' }, 'invalid_token'],
    ['rotate_credential', { overlap_seconds: 0, delivery: 'meta' }, 'invalid_token'],
  ] as const
  for (const [name, args, code] of rows) {
    const answer = await w.call(addCredential, added, agent)
    const other = secretFrom(answer, agent.id)
    const root = await minted(w, other, { scopes: ['demo:read'] })
    const credential_id = answer.ok ? answer.result['credential_id'] : ''
    expect(await tried(w, name, { ...args, credential_id }, agent)).toBe('allowed')
    w.pass(1)
    expect([name, args, await enters(w, other)]).toEqual([name, args, 'invalid_client'])
    expect([name, args, await enters(w, root.presented)]).toEqual([name, args, code])
  }
})

test('revoking what had retired in peace still ends what it made', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const root = await minted(w, agent, { scopes: ['demo:read'] })
  await w.result(rotateCredential, { overlap_seconds: 1, delivery: 'meta' }, agent)
  w.pass(1)
  expect(await enters(w, root.presented)).toBe('allowed')
  await w.result(revokeCredential, { credential_id: agent.credentialId, cause: 'stolen' })
  expect(await enters(w, root.presented)).toBe('invalid_token')
})

test('a dry run of taking something takes nothing', async () => {
  const w = await world()
  const { boss, root } = await chainOfThree(w)
  await enters(w, w.admin)
  const before = w.read('select max(seq) from changes')
  const dry = { dry_run: true, cause: 'c' }
  const credential_id = boss.credentialId
  await tried(w, 'revoke_token', { grant_id: root.grantId, ...dry }, w.admin)
  await tried(w, 'revoke_credential', { credential_id, ...dry }, w.admin)
  await tried(w, 'set_agent_status', { agent: 'boss', status: 'retired', ...dry }, w.admin)
  await tried(w, 'update_agent', { agent: 'boss', ceiling: ['demo:read'], dry_run: true }, w.admin)
  expect(w.read('select max(seq) from changes')).toBe(before)
  expect(await may(w, root.presented, 'demo:write')).toBe('allowed')
})
