// list_resource_types: what scopes can name in the caller's organisation.

import { expect, test } from 'vitest'
import { listResourceTypes } from '../../src/operations/list-resource-types.ts'
import { reservedTypes } from '../../src/core/reserved-types.ts'
import { world } from '../support/world.ts'
import { ask, rootOf } from './asking.ts'

test('registered types come first, by name, then Remit’s own', async () => {
  const w = await world()
  await w.addType('articles', ['read'])
  const { resource_types } = await ask(w, listResourceTypes, {}, w.local)
  const { presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  expect(await ask(w, listResourceTypes, {}, presented)).toEqual({ resource_types })
  expect(resource_types.slice(0, 2)).toEqual([
    {
      type: 'articles',
      operations: ['read'],
      description: '',
      owner_id: w.admin.id,
      created_at: w.now(),
      reserved: false,
    },
    {
      type: 'demo',
      operations: ['read', 'write', 'delete'],
      description: expect.any(String),
      owner_id: w.admin.id,
      created_at: w.now(),
      reserved: false,
    },
  ])
  expect(resource_types.slice(2).map(({ type, operations }) => [type, operations])).toEqual(
    [...reservedTypes].map(([type, operations]) => [type, [...operations.keys()]]),
  )
})

test('types of another organisation are not among them', async () => {
  const w = await world()
  const { orgId, admin } = await w.addOrg('other')
  await w.addType('theirs', ['read'], orgId)
  const named = async (as: typeof admin) =>
    (await ask(w, listResourceTypes, {}, as)).resource_types
      .filter(({ reserved }) => !reserved)
      .map(({ type }) => type)
  expect(await named(admin)).toEqual(['theirs'])
  expect(await named(w.admin)).toEqual(['demo'])
})
