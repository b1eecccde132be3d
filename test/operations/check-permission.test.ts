// check_permission: "may I?", answered with a reason and the id of the decision.

import { expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import { ask, childOf, lastEvent, refuse, rootOf } from './asking.ts'

test('an allowed permission names the scope that covers it', async () => {
  const w = await world()
  expect(await ask(w, checkPermission, { permissions: ['demo/a/b:read'] }, w.local)).toEqual({
    decision_id: expect.stringMatching(/^evt_/),
    allowed: true,
    results: [
      { permission: 'demo/a/b:read', allowed: true, code: 'allowed', matched_scope: 'demo:*' },
    ],
  })
})

test('allowed is all of them; each has its own reason and place', async () => {
  const w = await world()
  const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo/a:read'] })
  const permissions = [
    'demo/a:read',
    'demo/b:read',
    'nothing:read',
    'demo/a:eat',
    'demo/*:read',
    '',
  ]
  const { allowed, results } = await ask(w, checkPermission, { permissions }, presented)
  expect(allowed).toBe(false)
  expect(results).toEqual([
    { permission: 'demo/a:read', allowed: true, code: 'allowed', matched_scope: 'demo/a:read' },
    {
      permission: 'demo/b:read',
      allowed: false,
      code: 'insufficient_scope',
      missing_at: grant_id,
      remedy: {
        text: expect.any(String),
        operation: 'delegate_token',
        arguments: { to: 'local', scopes: ['demo/b:read'] },
      },
    },
    ...permissions.slice(2).map((permission) => ({
      permission,
      allowed: false,
      code: 'invalid_scope',
      remedy: { text: expect.any(String), operation: 'list_resource_types' },
    })),
  ])
})

test('the nearest registered name is told for an unregistered one', async () => {
  const w = await world()
  const permissions = ['dem:read', 'demo:raed']
  const { results } = await ask(w, checkPermission, { permissions }, w.local)
  expect(results.map(({ remedy }) => remedy?.text)).toEqual([
    expect.stringContaining('demo'),
    expect.stringContaining('demo:read'),
  ])
})

test('a permission without a path asks for the whole type', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { scopes: ['demo/a:read', 'demo/*:write'] })
  const permissions = ['demo:read', 'demo:write']
  const { results } = await ask(w, checkPermission, { permissions }, presented)
  expect(results.map(({ allowed }) => allowed)).toEqual([false, false])
})

test.each([0, 101])('%i permissions are out of range', async (n) => {
  const w = await world()
  const permissions = Array.from({ length: n }, () => 'demo:read')
  expect(await refuse(w, checkPermission, { permissions })).toMatchObject({
    code: 'invalid_request',
    failures: [{ dimension: 'permissions' }],
  })
})

test('a hundred permissions are answered in their order', async () => {
  const w = await world()
  const permissions = Array.from({ length: 100 }, (_, i) => `demo/n${i}:read`)
  const { allowed, results } = await ask(w, checkPermission, { permissions }, w.local)
  expect(allowed).toBe(true)
  expect(results.map(({ permission }) => permission)).toEqual(permissions)
})

test('a grant of one’s own may be asked about, dead ones too', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented, { scopes: ['demo:read'] })
  const question = { permissions: ['demo:write'], grant_id: child.grant_id }
  expect(await ask(w, checkPermission, question, root.presented)).toMatchObject({
    results: [{ allowed: false, code: 'insufficient_scope', missing_at: child.grant_id }],
  })
  await ask(w, revokeToken, { grant_id: child.grant_id, cause: 'test' }, root.presented)
  expect(await ask(w, checkPermission, question, root.presented)).toMatchObject({
    allowed: false,
    results: [{ allowed: false, code: 'invalid_token', missing_at: child.grant_id }],
  })
})

test('others’ grants need permissions:check and answer as unknown ones without it', async () => {
  const w = await world()
  const checker = await w.addAgent('checker', 'permissions:check')
  const stranger = await w.addAgent('stranger', 'demo:*')
  const { grant_id } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  const question = { permissions: ['demo:read'], grant_id }
  expect(await ask(w, checkPermission, question, checker)).toMatchObject({ allowed: true })
  const foreign = await refuse(w, checkPermission, question, stranger)
  const unknown = { ...question, grant_id: w.context.newId('grt') }
  expect(foreign.code).toBe('not_found')
  expect(foreign).toEqual(await refuse(w, checkPermission, unknown, stranger))
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, checkPermission, question, admin)).toEqual(foreign)
})

test('the decision id names the event of the answer', async () => {
  const w = await world()
  for (const [permission, outcome, code] of [
    ['demo:read', 'allowed', 'allowed'],
    ['audit:read', 'refused', 'insufficient_scope'],
  ] as const) {
    const answer = await ask(w, checkPermission, { permissions: [permission] }, w.local)
    expect(await lastEvent(w)).toMatchObject({
      id: answer.decision_id,
      operation: 'check_permission',
      outcome,
      code,
      detail: JSON.stringify({ permissions: [permission] }),
    })
  }
})
