// Authority, rule 7: a permission on one agent reaches that agent only, and without `tokens:revoke` no
// selector reaches beyond one's own.

import { describe, expect, test } from 'vitest'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import type { World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { delegated, enters, minted, tried } from './attack.ts'

describe('a permission on one agent', () => {
  test('changes that one and no other, by name and by id', async () => {
    const w = await world()
    const manager = await w.addAgent(
      'manager',
      'demo:read agents/one:update agents/one:suspend credentials/one:*',
    )
    const one = await w.addAgent('one', 'demo:read')
    const two = await w.addAgent('two', 'demo:read')
    const near = await w.addAgent('one-two', 'demo:read')
    const reaches = async (agent: typeof one, ref: string) => {
      const { credentialId: credential_id } = agent
      const codes = [
        await tried(w, 'update_agent', { agent: ref, owner: 'new' }, manager),
        await tried(w, 'add_credential', { agent: ref, kind: 'secret', delivery: 'meta' }, manager),
        await tried(w, 'rotate_credential', { credential_id, delivery: 'meta' }, manager),
        await tried(w, 'revoke_credential', { credential_id, cause: 'test' }, manager),
        await tried(
          w,
          'set_agent_status',
          { agent: ref, status: 'suspended', cause: 'c' },
          manager,
        ),
      ]
      return codes.map((code) => code === 'allowed')
    }
    expect(await reaches(two, two.id)).toEqual([false, false, false, false, false])
    expect(await reaches(two, 'two')).toEqual([false, false, false, false, false])
    expect(await reaches(near, 'one-two')).toEqual([false, false, false, false, false])
    expect(await reaches(one, one.id)).toEqual([true, true, true, true, true])
  })

  test('registers only an agent of that name', async () => {
    const w = await world()
    const manager = await w.addAgent('manager', 'demo:read agents/one:register')
    const about = { description: '', owner: 'me', ceiling: ['demo:read'], delivery: 'meta' }
    expect(await tried(w, 'register_agent', { ...about, name: 'two' }, manager)).toBe(
      'insufficient_scope',
    )
    expect(await tried(w, 'register_agent', { ...about, name: 'one' }, manager)).toBe('allowed')
  })

  test('delegates only to that agent', async () => {
    const w = await world()
    const boss = await w.addAgent('boss', 'demo:read tokens/one:delegate')
    await w.addAgent('one', 'demo:read')
    await w.addAgent('two', 'demo:read')
    const to = (name: string) => ({ scopes: ['demo:read'], to: name })
    expect(await tried(w, 'delegate_token', to('one'), boss)).toBe('allowed')
    expect(await tried(w, 'delegate_token', to('two'), boss)).toBe('insufficient_scope')
    expect(await tried(w, 'delegate_token', { scopes: ['demo:read'] }, boss)).toBe(
      'insufficient_scope',
    )
  })

  test('revokes the tokens of that agent only', async () => {
    const w = await world()
    const manager = await w.addAgent('manager', 'tokens/one:revoke')
    const one = await w.addAgent('one', 'demo:read')
    const two = await w.addAgent('two', 'demo:read')
    const ofOne = await minted(w, one, { scopes: ['demo:read'] })
    const ofTwo = await minted(w, two, { scopes: ['demo:read'] })
    for (const selector of selectorsOf(w, ofTwo, two)) {
      const answer = await tried(w, 'revoke_token', { ...selector, cause: 'test' }, manager)
      expect([selector, answer]).toEqual([selector, 'not_found'])
    }
    expect(await enters(w, ofTwo.presented)).toBe('allowed')
    await w.result(revokeToken, { agent: 'one', cause: 'test' }, manager)
    expect(await enters(w, ofOne.presented)).toBe('invalid_token')
  })
})

interface Target {
  readonly grantId: string
  readonly tokenId: string
}

function selectorsOf(
  w: World,
  { grantId, tokenId }: Target,
  of: { id: string; name: string; credentialId: string },
) {
  const instance = w.read(`select instance_id from grants where id = '${grantId}'`)
  return [
    { grant_id: grantId },
    { token_id: tokenId },
    { instance_id: instance },
    { agent: of.name },
    { agent: of.id },
    { credential_id: of.credentialId },
  ]
}

describe('without tokens:revoke', () => {
  test('every selector ends what is one’s own of it, and nothing else', async () => {
    const w = await world()
    const helper = await w.addAgent('helper', 'demo:read')
    const scopes = ['demo:read', 'tokens:delegate']
    const handed = { scopes: ['demo:read'], to: 'helper', task: 'release' }
    const mine = await minted(w, w.local, { scopes })
    const others = await w.addAgent('others', 'demo:read tokens:delegate')
    const theirs = await minted(w, others, { scopes })
    for (const selector of [{ agent: 'helper' }, { task: 'release' }]) {
      const child = await delegated(w, mine.presented, handed)
      const foreign = await delegated(w, theirs.presented, handed)
      const args = { ...selector, cause: 'test', count: true }
      const { grants_ended } = await w.result(revokeToken, args, mine.presented)
      expect(grants_ended).toBe(1)
      expect(await enters(w, child.presented)).toBe('invalid_token')
      expect(await enters(w, foreign.presented)).toBe('allowed')
    }
    const ownRoot = await minted(w, helper, { scopes: ['demo:read'], task: 'release' })
    await tried(w, 'revoke_token', { agent: 'helper', cause: 'test' }, mine.presented)
    expect(await enters(w, ownRoot.presented)).toBe('allowed')
  })

  test('a leaf ends neither its parent, nor its root, nor the credential behind them', async () => {
    const w = await world()
    const scopes = ['demo:read', 'tokens:delegate']
    const root = await minted(w, w.local, { scopes })
    const child = await delegated(w, root.presented, { scopes })
    const leaf = await delegated(w, child.presented, { scopes: ['demo:read'] })
    for (const { grantId, tokenId } of [root, child]) {
      for (const selector of [{ grant_id: grantId }, { token_id: tokenId }]) {
        const answer = await tried(w, 'revoke_token', { ...selector, cause: 'c' }, leaf.presented)
        expect(answer).toBe('not_found')
      }
    }
    const byCredential = { credential_id: w.local.credentialId, cause: 'c' }
    expect(await tried(w, 'revoke_token', byCredential, leaf.presented)).toBe('allowed')
    expect(await enters(w, leaf.presented)).toBe('invalid_token')
    expect(await enters(w, child.presented)).toBe('allowed')
  })
})

test('revoking a task reaches its sub-tasks, and not a task that merely begins like it', async () => {
  const w = await world()
  const held = (task: string) => minted(w, w.local, { scopes: ['demo:read'], task })
  const rows = [
    ['a/b', await held('a/b'), 'invalid_token'],
    ['a/b/c', await held('a/b/c'), 'invalid_token'],
    ['a/bc', await held('a/bc'), 'allowed'],
    ['a', await held('a'), 'allowed'],
    ['b', await held('b'), 'allowed'],
  ] as const
  await w.result(revokeToken, { task: 'a/b', cause: 'test' })
  for (const [task, { presented }, code] of rows) {
    expect([task, await enters(w, presented)]).toEqual([task, code])
  }
})

test('a child keeps to its task: no sibling, no prefix, no parent', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes: ['demo:read', 'tokens:delegate'], task: 'a/b' })
  const rows = [
    ['a/b', 'allowed'],
    ['a/b/c', 'allowed'],
    ['a/bc', 'task_mismatch'],
    ['a', 'task_mismatch'],
    ['b', 'task_mismatch'],
    ['a/b/', 'invalid_request'],
    ['a/b/../c', 'invalid_request'],
    ['a//b', 'invalid_request'],
    ['', 'invalid_request'],
  ] as const
  for (const [task, code] of rows) {
    const args = { scopes: ['demo:read'], task }
    expect([task, await tried(w, 'delegate_token', args, root.presented)]).toEqual([task, code])
  }
  const child = await delegated(w, root.presented, { scopes: ['demo:read'] })
  expect(w.read(`select task from grants where id = '${child.grantId}'`)).toBe('a/b')
})
