// list_permissions: what a grant allows at this moment, and its limits.

import { expect, test } from 'vitest'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf } from './asking.ts'

test('by credential there is no end and the deepest depth', async () => {
  const w = await world()
  expect(await ask(w, listPermissions, {}, w.local)).toEqual({
    scopes: ['demo:*', 'tokens:delegate'],
    audience: [w.issuer],
    limits: { depth_left: 16 },
  })
})

test('by token the limits of the grant are told', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { uses: 3, max_depth: 4 })
  expect(await ask(w, listPermissions, {}, root.presented)).toEqual({
    scopes: ['demo:*', 'tokens:delegate'],
    audience: [w.issuer],
    limits: { expires_at: root.grant_expires_at, depth_left: 4, uses_left: 3 },
  })
})

test('type selects', async () => {
  const w = await world()
  const { scopes } = await ask(w, listPermissions, { type: 'tokens' }, w.local)
  expect(scopes).toEqual(['tokens:delegate'])
  expect(await ask(w, listPermissions, { type: 'unheard-of' }, w.local)).toMatchObject({
    scopes: [],
  })
})

test('scopes are those effective now', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  expect(await ask(w, listPermissions, { grant_id })).toMatchObject({ scopes: ['demo:read'] })
})

test('a dead grant is refused with its reason', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local)
  const child = await childOf(w, w.local)
  await ask(w, revokeToken, { grant_id, cause: 'test' })
  await ask(w, revokeToken, { grant_id: child.lineage[0], cause: 'test' })
  expect(await refuse(w, listPermissions, { grant_id })).toMatchObject({
    code: 'invalid_token',
    missing_at: grant_id,
  })
  expect(await refuse(w, listPermissions, { grant_id: child.grant_id })).toMatchObject({
    code: 'ancestor_revoked',
    missing_at: child.grant_id,
  })
})

test('a grant that is not one’s own is as good as unknown', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.admin)
  const foreign = await refuse(w, listPermissions, { grant_id }, w.local)
  expect(foreign.code).toBe('not_found')
  expect(foreign).toEqual(
    await refuse(w, listPermissions, { grant_id: w.context.newId('grt') }, w.local),
  )
})
