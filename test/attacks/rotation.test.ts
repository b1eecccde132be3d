// Authority, rule 19: who holds an old secret gets nothing from it that its holder did not leave it.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'
import { codeOf, enters, minted, secretFrom, tally, tried } from './attack.ts'

const key = 'rotation-1'

test('of twenty simultaneous rotations exactly one wins', async () => {
  const w = await world()
  const other = await w.startProcess()
  const agent = await w.addAgent('worker', 'demo:read')
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      w.call(rotateCredential, { delivery: 'meta' }, agent, { in: i % 2 ? other : w.context }),
    ),
  )
  expect(tally(answers)).toEqual({ allowed: 1, conflict: 19 })
  expect(w.read('select count(*) from credentials where rotated_from is not null')).toBe(1)
})

test('of twenty simultaneous rotations of a compromised secret exactly one wins', async () => {
  const w = await world()
  const other = await w.startProcess()
  const agent = await w.addAgent('worker', 'demo:read')
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      w.call(rotateCredential, { overlap_seconds: 0, delivery: 'meta' }, agent, {
        in: i % 2 ? other : w.context,
      }),
    ),
  )
  const { allowed, ...refused } = tally(answers)
  expect(allowed).toBe(1)
  // Where a commit takes a while, who was let in before it may also hear that the rotation was done.
  const losing =
    w.context.store.engine === 'sqlite' ? ['invalid_client'] : ['invalid_client', 'conflict']
  expect(Object.keys(refused).filter((code) => !losing.includes(code))).toEqual([])
})

test('a retiring secret still calls, but adds, rotates and revokes nothing of its own agent', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  await w.result(rotateCredential, { delivery: 'meta' }, agent)
  expect(await enters(w, agent)).toBe('allowed')
  const rows = [
    ['add_credential', { agent: 'worker', kind: 'secret', delivery: 'meta' }],
    ['rotate_credential', { delivery: 'meta' }],
    ['revoke_credential', { credential_id: agent.credentialId, cause: 'test' }],
  ] as const
  for (const [name, args] of rows) {
    expect([name, await tried(w, name, args, agent)]).toEqual([name, 'conflict'])
  }
})

test('a retiring secret changes no credentials of other agents either', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  await w.result(rotateCredential, { delivery: 'meta' }, w.admin)
  const rows = [
    ['add_credential', { agent: 'worker', kind: 'secret', delivery: 'meta' }],
    ['rotate_credential', { credential_id: agent.credentialId, delivery: 'meta' }],
    ['revoke_credential', { credential_id: agent.credentialId, cause: 'test' }],
  ] as const
  for (const [name, args] of rows) {
    expect([name, await tried(w, name, args, w.admin)]).toEqual([name, 'conflict'])
  }
})

test('a retired secret is no way in, to the second', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  await w.result(rotateCredential, { overlap_seconds: 10, delivery: 'meta' }, agent)
  w.pass(9)
  expect(await enters(w, agent)).toBe('allowed')
  w.pass(1)
  expect(await enters(w, agent)).toBe('invalid_client')
})

test('a successor inherits scopes and expiry, and cannot be asked for more', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read demo:write')
  const expires_at = w.now() + 1000
  const added = { agent: 'worker', kind: 'api_key', scopes: ['demo:read'], expires_at }
  const first = await w.call(addCredential, { ...added, delivery: 'meta' }, agent)
  const narrow = secretFrom(first, agent.id)
  const wider = await w.call(rotateCredential, { scopes: ['demo:write'] }, narrow)
  expect(codeOf(wider)).toBe('invalid_request')
  const { credential_id } = await w.result(rotateCredential, { delivery: 'meta' }, narrow)
  const successor = w.context.live.credential(credential_id)
  expect([successor?.scopes?.map(({ text }) => text), successor?.expiresAt]).toEqual([
    ['demo:read'],
    expires_at,
  ])
})

test('the lost answer of a rotation can be repeated only until the successor was used', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { delivery: 'meta', idempotency_key: key }
  await w.result(rotateCredential, args, agent)
  const again = secretFrom(await w.call(rotateCredential, args, agent), agent.id)
  expect(await enters(w, again)).toBe('allowed')
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('conflict')
  const replacing = { delivery: 'meta', replace_unused: true }
  expect(codeOf(await w.call(rotateCredential, replacing, agent))).toBe('conflict')
})

test('replacing an unused successor ends the secret that whoever got it holds', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const lost = secretFrom(await w.call(rotateCredential, { delivery: 'meta' }, agent), agent.id)
  const replacing = { delivery: 'meta', replace_unused: true }
  const fresh = secretFrom(await w.call(rotateCredential, replacing, agent), agent.id)
  expect(await enters(w, lost)).toBe('invalid_client')
  expect(await enters(w, fresh)).toBe('allowed')
})

test('replacing a successor does not lengthen the life of the old secret', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const first = await w.result(rotateCredential, { overlap_seconds: 10, delivery: 'meta' }, agent)
  const replacing = { overlap_seconds: 9999, delivery: 'meta', replace_unused: true }
  const second = await w.result(rotateCredential, replacing, agent)
  expect(second.old_retires_at).toBe(first.old_retires_at)
})

test('a compromised secret does nothing but repeat its own rotation, for ten minutes', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { overlap_seconds: 0, delivery: 'meta', idempotency_key: key }
  await w.result(rotateCredential, args, agent)
  expect(await enters(w, agent)).toBe('invalid_client')
  const otherKey = { ...args, idempotency_key: 'another' }
  expect(codeOf(await w.call(rotateCredential, otherKey, agent))).toBe('invalid_client')
  const otherArguments = { ...args, overlap_seconds: 60 }
  expect(codeOf(await w.call(rotateCredential, otherArguments, agent))).toBe('conflict')
  w.pass(599)
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('allowed')
  w.pass(1)
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('invalid_client')
})

test('a dead secret repeats nothing once its successor was used', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { overlap_seconds: 0, delivery: 'meta', idempotency_key: key }
  const successor = secretFrom(await w.call(rotateCredential, args, agent), agent.id)
  expect(await enters(w, successor)).toBe('allowed')
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('conflict')
})

test('a retiring secret that was revoked repeats nothing', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { delivery: 'meta', idempotency_key: key }
  await w.result(rotateCredential, args, agent)
  await w.result(revokeCredential, { credential_id: agent.credentialId, cause: 'stolen' })
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('invalid_client')
})

test('a compromised secret that was also revoked repeats nothing', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { overlap_seconds: 0, delivery: 'meta', idempotency_key: key }
  await w.result(rotateCredential, args, agent)
  await w.result(revokeCredential, { credential_id: agent.credentialId, cause: 'stolen' })
  expect(codeOf(await w.call(rotateCredential, args, agent))).toBe('invalid_client')
})

test('a dead secret claims no handoff', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const args = { overlap_seconds: 0, idempotency_key: key }
  await w.result(rotateCredential, { ...args, delivery: 'meta' }, agent)
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read', 'tokens:delegate'] })
  const handing = { scopes: ['demo:read'], to: 'worker', act_as: grantId, delivery: 'handoff' }
  const handed = await w.call(delegateToken, handing, w.local)
  const code = handed.ok ? (handed.result['delivery'] as { handoff: string }).handoff : ''
  const claim = { handoff: code, idempotency_key: key }
  const meta = { 'dev.remit/agent_id': agent.id, 'dev.remit/agent_secret': agent.secret }
  const nobody = { kind: 'nothing' } as const
  expect(codeOf(await w.call(claimHandoff, claim, agent))).toBe('not_found')
  expect(codeOf(await w.call(claimHandoff, claim, nobody, { meta }))).toBe('invalid_client')
})

test('the compromised secret of another agent is not replaced through whoever asks for it', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  for (const delivery of ['meta', 'file', 'handoff', 'inline']) {
    const args = { credential_id: agent.credentialId, overlap_seconds: 0, delivery }
    const { code, detail } = await w.refusal(rotateCredential, args)
    expect([code, detail.remedy?.operation]).toEqual(['invalid_request', 'revoke_credential'])
  }
  expect(await enters(w, agent)).toBe('allowed')
})

test('overlap 0 ends what the old secret granted, at the commit', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read')
  const root = await minted(w, agent, { scopes: ['demo:read'] })
  await w.result(rotateCredential, { overlap_seconds: 0, delivery: 'meta' }, agent)
  expect(await enters(w, root.presented)).toBe('invalid_token')
})

test('a registered agent without a credential has nothing to rotate', async () => {
  const w = await world()
  const about = { name: 'bare', description: '', owner: 'me', ceiling: ['demo:read'] }
  const none = { ...about, credential: { kind: 'none' } }
  expect(await w.result(registerAgent, none)).not.toHaveProperty('credential_id')
})
