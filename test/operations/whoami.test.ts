// whoami: who the caller is, under which grant, and what it may call.

import { expect, test } from 'vitest'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf, whoami } from './asking.ts'

test('a call by credential stands on the standing root of that credential', async () => {
  const w = await world()
  expect(await ask(w, whoami, {}, w.local)).toEqual({
    agent: { id: w.local.id, name: 'local', owner: expect.any(String), status: 'active' },
    instance: expect.stringMatching(/^ins_/),
    org_id: w.orgId,
    grant: {
      id: expect.stringMatching(/^grt_/),
      lineage: [],
      scopes: ['demo:*', 'tokens:delegate'],
      audience: [w.issuer],
      depth: 0,
      max_depth: 16,
    },
    method: 'secret',
    operations: expect.arrayContaining(['whoami', 'mint_token', 'delegate_token']),
    warnings: [],
  })
})

test('a call by token stands on the grant of that token', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { uses: 9, task: 'release', max_depth: 3 })
  const child = await childOf(w, root.presented, { scopes: ['demo:read'], task: 'release/notes' })
  expect(await ask(w, whoami, {}, child.presented)).toMatchObject({
    instance: child.instance_id,
    grant: {
      id: child.grant_id,
      parent_id: root.grant_id,
      lineage: [root.grant_id],
      scopes: ['demo:read'],
      audience: [w.issuer],
      expires_at: child.grant_expires_at,
      depth: 1,
      max_depth: 3,
      uses_left: 8,
      task: 'release/notes',
    },
    method: 'token',
  })
})

test('under act_as it tells of the grant acted under', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:read')
  const child = await childOf(w, w.local, { to: 'helper', scopes: ['demo:read'] })
  expect(await ask(w, whoami, { act_as: child.grant_id }, w.local)).toMatchObject({
    agent: { id: helper.id, name: 'helper' },
    grant: { id: child.grant_id, scopes: ['demo:read'] },
    method: 'secret',
  })
})

test('operations are those that the authority may call, in the order of the table', async () => {
  const w = await world()
  const auditor = await w.addAgent('auditor', 'audit:read')
  const { operations: all } = (await ask(w, whoami)) as { operations: string[] }
  const { operations: few } = (await ask(w, whoami, {}, auditor)) as { operations: string[] }
  expect(few).toContain('query_audit')
  expect(few).not.toContain('verify_audit')
  expect(all.filter((name) => few.includes(name))).toEqual(few)
  const token = await rootOf(w, auditor, { scopes: ['audit:read'] })
  const { operations: byToken } = (await ask(w, whoami, {}, token.presented)) as {
    operations: string[]
  }
  const byCredentialAlone = [
    'mint_token',
    'add_credential',
    'list_credentials',
    'rotate_credential',
  ]
  expect(few).toEqual(expect.arrayContaining(byCredentialAlone))
  expect(byToken.filter((name) => byCredentialAlone.includes(name))).toEqual([])
})

test('the administrator and a process with warnings are told so', async () => {
  const w = await world({ settings: { warnings: ['REMIT_API_KEY is given by value.'] } })
  const { warnings } = (await ask(w, whoami)) as { warnings: string[] }
  expect(warnings).toEqual([
    expect.stringContaining('administrator'),
    'REMIT_API_KEY is given by value.',
  ])
})

test('it takes no arguments of its own', async () => {
  const w = await world()
  expect(await refuse(w, whoami, { verbose: true })).toMatchObject({ code: 'invalid_request' })
})
