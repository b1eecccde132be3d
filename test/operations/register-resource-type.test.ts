// register_resource_type: makes a type known; only its first registrant extends it.

import { describe, expect, test } from 'vitest'
import type { Committer } from '../../src/authority/committer.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { listResourceTypes } from '../../src/operations/list-resource-types.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { world } from '../support/world.ts'
import {
  ask,
  childOf,
  contents,
  expectDryRun,
  expectRepeats,
  refuse,
  rootOf,
  whoami,
} from './asking.ts'

const articles = { type: 'articles', operations: ['read', 'write'], description: 'Texts.' }

test('the record is answered and listed, and scopes may name it', async () => {
  const w = await world()
  const record = await ask(w, registerResourceType, articles)
  expect(record).toEqual({
    ...articles,
    owner_id: w.admin.id,
    created_at: w.now(),
    created_under: expect.stringMatching(/^grt_/),
    reserved: false,
  })
  expect((await ask(w, listResourceTypes)).resource_types).toContainEqual(record)
  const asked = { permissions: ['articles/a:write'] }
  expect(await ask(w, checkPermission, asked)).toMatchObject({ allowed: true })
})

test('its registrant adds operations, and takes none away', async () => {
  const w = await world()
  await ask(w, registerResourceType, articles)
  w.pass(10)
  const more = { ...articles, operations: ['read', 'write', 'print'], description: 'More.' }
  expect(await ask(w, registerResourceType, more)).toMatchObject({
    ...more,
    created_at: w.now() - 10,
  })
  expect(await refuse(w, registerResourceType, articles)).toMatchObject({
    code: 'conflict',
    missing: ['print'],
  })
})

test('two who add at once lose nothing of each other', async () => {
  const w = await world()
  await ask(w, registerResourceType, articles)
  const adding = (operation: string) => ({
    ...articles,
    operations: [...articles.operations, operation],
  })
  const other = await w.startProcess()
  let meanwhile: (() => Promise<unknown>) | undefined
  const submit: Committer['submit'] = async (unit) => {
    const first = meanwhile
    meanwhile = undefined
    await first?.()
    return other.committer.submit(unit)
  }
  const slow = { ...other, committer: { ...other.committer, submit } }
  await ask(w, whoami, {}, w.admin, { in: slow })
  meanwhile = () => ask(w, registerResourceType, adding('print'))
  const late = await w.call(registerResourceType, adding('sell'), w.admin, { in: slow })
  expect(late).toMatchObject({ ok: false, refusal: { code: 'conflict' } })
  const { resource_types } = await ask(w, listResourceTypes)
  expect(resource_types.find(({ type }) => type === 'articles')?.operations).toEqual([
    'read',
    'write',
    'print',
  ])
})

test('an operation added later is not in older grants of all operations', async () => {
  const w = await world()
  await ask(w, registerResourceType, articles)
  const { presented } = await rootOf(w, w.admin, { scopes: ['articles:*'] })
  const more = { ...articles, operations: ['read', 'write', 'print'] }
  await ask(w, registerResourceType, more)
  const permissions = ['articles/a:write', 'articles/a:print']
  const { results } = await ask(w, checkPermission, { permissions }, presented)
  expect(results.map(({ allowed }) => allowed)).toEqual([true, false])
})

describe('refused', () => {
  test.each<[string, object, string]>([
    ['a reserved type', { type: 'agents' }, 'conflict'],
    ['the type of tools', { type: 'tool' }, 'conflict'],
    ['no operations', { operations: [] }, 'invalid_request'],
    [
      '129 operations',
      { operations: Array.from({ length: 129 }, (_, i) => `o${i}`) },
      'invalid_request',
    ],
    ['an operation of all', { operations: ['*'] }, 'invalid_request'],
    ['a name that is none', { type: 'Articles' }, 'invalid_request'],
    ['a description of 501 characters', { description: 'x'.repeat(501) }, 'invalid_request'],
  ])('%s', async (_, change, code) => {
    const w = await world()
    const before = await contents(w)
    expect(await refuse(w, registerResourceType, { ...articles, ...change })).toMatchObject({
      code,
    })
    expect((await contents(w))['resource_types']).toEqual(before['resource_types'])
  })

  test('whoever is not its registrant', async () => {
    const w = await world()
    const clerk = await w.addAgent('clerk', 'resource_types:register')
    const asked = { type: 'demo', operations: ['read', 'write', 'delete'], description: '' }
    expect(await refuse(w, registerResourceType, asked, clerk)).toMatchObject({ code: 'conflict' })
    expect(await ask(w, registerResourceType, articles, clerk)).toMatchObject({
      owner_id: clerk.id,
    })
  })

  test('without the permission', async () => {
    const w = await world()
    expect(await refuse(w, registerResourceType, articles, w.local)).toMatchObject({
      code: 'insufficient_scope',
      missing: ['resource_types:register'],
      missing_at: w.local.id,
    })
  })

  test('under a delegated grant', async () => {
    const w = await world()
    const child = await childOf(w, w.admin, { scopes: ['resource_types:register'] })
    expect(await refuse(w, registerResourceType, articles, child.presented)).toMatchObject({
      code: 'exceeds_parent',
      missing_at: child.grant_id,
    })
  })
})

test('types of another organisation may have the same name', async () => {
  const w = await world()
  const { admin } = await w.addOrg('other')
  await ask(w, registerResourceType, articles)
  expect(await ask(w, registerResourceType, articles, admin)).toMatchObject({ owner_id: admin.id })
})

test('a dry run registers nothing', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, registerResourceType, articles)
  expect(dry).toEqual({ ...real, dry_run: true })
})

test('a repeat answers the same', async () => {
  const w = await world()
  await expectRepeats(w, registerResourceType, articles, { description: 'Other.' })
})
