// What a sceptical reader found: ways to come out with more than one came with, or to shut others out.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { getAgent } from '../../src/operations/get-agent.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { parseScopes } from '../../src/core/scope.ts'
import { byToken } from '../support/evidence.ts'
import { world } from '../support/world.ts'

test('a process limited by REMIT_SCOPES does not rotate its way to the whole secret', async () => {
  const w = await world()
  const scopes = parseScopes('demo:read') ?? []
  const limited = await w.startProcess({ scopes })
  const refusal = await w.refusal(rotateCredential, { delivery: 'meta' }, w.admin, { in: limited })
  expect([refusal.code, refusal.detail.missing?.includes('agents:*')]).toEqual([
    'exceeds_ceiling',
    true,
  ])
})

test('who delegates to the recipient does not become the recipient of a handoff', async () => {
  const w = await world()
  const beta = await w.addAgent('beta', 'demo:*')
  const wide = { scopes: ['demo:write'], to: 'beta', delivery: 'handoff' }
  const made = await w.result(delegateToken, wide, w.admin)
  const narrow = { scopes: ['demo:read'], to: 'beta', delivery: 'meta' }
  const stolen = byToken(await w.call(delegateToken, narrow, w.local))
  const handoff = String(made.delivery?.handoff)
  expect((await w.refusal(claimHandoff, { handoff }, stolen)).code).toBe('not_found')
  const claimed = await w.result(claimHandoff, { handoff, delivery: 'meta' }, beta)
  expect(claimed.scopes).toEqual(['demo:write'])
})

test('a narrow credential of the last administrator does not revoke the whole one', async () => {
  const w = await world()
  const added = { agent: 'admin', kind: 'secret', scopes: ['demo:read'], delivery: 'meta' }
  await w.result(addCredential, added)
  const asked = { credential_id: w.admin.credentialId, cause: 'test' }
  expect((await w.refusal(revokeCredential, asked)).code).toBe('conflict')
})

test('a token whose type gained an operation is renewed, and says what it means', async () => {
  const w = await world()
  await w.addType('docs', ['read'])
  const all = { scopes: ['docs:*'], delivery: 'meta' }
  const answer = await w.call(mintToken, all)
  const token = byToken(answer)
  const more = { type: 'docs', operations: ['read', 'write'], description: '' }
  await w.result(registerResourceType, more)
  await w.result(renewToken, {}, token)
  const { scopes } = await w.result(listPermissions, {}, token)
  const { scope, grant_id } = await w.result(introspectToken, { token_id: tokenOf(answer) }, token)
  expect([scopes, scope]).toEqual([['docs:read'], 'docs:read'])
  const { allowed } = await w.result(checkPermission, { permissions: ['docs:write'] }, token)
  expect([allowed, typeof grant_id]).toEqual([false, 'string'])
})

test('whom one delegates to does not thereby show its record', async () => {
  const w = await world()
  const child = { to: 'admin', scopes: ['demo:read'], delivery: 'meta' }
  const answer = await w.call(delegateToken, child, w.local)
  expect((await w.refusal(getAgent, { agent: 'admin' }, byToken(answer))).code).toBe('not_found')
})

test('what must be approved is not used without, though it can be narrowed', async () => {
  const w = await world()
  const scopes = ['demo:read', 'tokens:delegate']
  const asked = { scopes, require: ['approval'], delivery: 'meta' }
  const token = byToken(await w.call(mintToken, asked, w.local))
  const use = { permissions: ['demo:read'] }
  expect((await w.refusal(checkPermission, use, token)).code).toBe('invalid_token')
  const child = await w.result(delegateToken, { scopes: ['demo:read'] }, token)
  const under = { ...use, act_as: child.grant_id }
  expect((await w.refusal(checkPermission, under, w.local)).code).toBe('invalid_token')
})

test('a second secret is not claimed by its code alone', async () => {
  const w = await world()
  const asked = { agent: 'local', kind: 'secret', delivery: 'handoff' }
  const answer = await w.call(addCredential, asked, w.local)
  const delivery = answer.ok ? answer.result['delivery'] : undefined
  const handoff = String((delivery as { handoff?: string } | undefined)?.handoff)
  expect(handoff).toMatch(/^rmt_hof_/)
  const nobody = { kind: 'nothing' } as const
  expect((await w.refusal(claimHandoff, { handoff }, nobody)).code).toBe('not_found')
})

const tokenOf = (answer: Awaited<ReturnType<Awaited<ReturnType<typeof world>>['call']>>) =>
  answer.ok ? String(answer.result['token_id']) : ''
