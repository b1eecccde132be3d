// list_tokens: grants with their newest token, one's own or those one may read about.

import { expect, test } from 'vitest'
import { listTokens } from '../../src/operations/list-tokens.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf } from './asking.ts'

/** root (local) → child (helper, sub-task) → grandchild (helper); and another root of local. */
async function planted() {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:* tokens:delegate')
  const root = await rootOf(w, w.local, { task: 'a' })
  const child = await childOf(w, root.presented, { to: 'helper', task: 'a/b' })
  const grandchild = await childOf(w, child.presented, { scopes: ['demo:read'] })
  const other = await rootOf(w, w.local, { task: 'ab' })
  const ids = async (asked: object = {}, as: Parameters<typeof ask>[3] = w.local) =>
    (await ask(w, listTokens, asked as Record<string, unknown>, as)).tokens.map((t) => t.grant_id)
  return { w, helper, root, child, grandchild, other, ids }
}

test('each grant is listed with its newest token, oldest grant first', async () => {
  const { w, helper, root, child } = await planted()
  const renewed = await ask(w, renewToken, { grant_id: child.grant_id }, helper)
  const { tokens } = await ask(w, listTokens, { limit: 2 }, w.local)
  expect(tokens).toEqual([
    {
      token_id: root.token_id,
      grant_id: root.grant_id,
      agent_id: w.local.id,
      instance_id: root.instance_id,
      scopes: root.scopes,
      audience: [w.issuer],
      expires_at: root.grant_expires_at,
      depth: 0,
      status: 'live',
    },
    {
      token_id: renewed.token_id,
      grant_id: child.grant_id,
      parent_id: root.grant_id,
      agent_id: helper.id,
      instance_id: child.instance_id,
      scopes: child.scopes,
      audience: [w.issuer],
      expires_at: child.grant_expires_at,
      depth: 1,
      status: 'live',
    },
  ])
})

test('one’s own are listed: by credential all it made, by token what hangs below', async () => {
  const { w, helper, root, child, grandchild, other, ids } = await planted()
  const all = [root, child, grandchild, other].map((each) => each.grant_id)
  expect(await ids()).toEqual(all)
  expect(await ids({}, root.presented)).toEqual(all.slice(0, 3))
  expect(await ids({}, child.presented)).toEqual(all.slice(1, 3))
  expect(await ids({}, helper)).toEqual([])
  expect(await ids({ act_as: child.grant_id })).toEqual(all.slice(1, 3))
  expect(await ids({}, w.admin)).toEqual(all)
})

test('arguments select', async () => {
  const { helper, root, child, grandchild, other, ids } = await planted()
  expect(await ids({ agent: 'helper' })).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ agent: helper.id })).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ grant_id: child.grant_id })).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ task: 'a' })).toEqual([root, child, grandchild].map((g) => g.grant_id))
  expect(await ids({ task: 'a/b' })).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ task: 'ab' })).toEqual([other.grant_id])
  expect(await ids({ task: 'b' })).toEqual([])
})

test('the dead are listed where asked for, with the reason', async () => {
  const { w, root, child, grandchild, other, ids } = await planted()
  await ask(w, revokeToken, { grant_id: child.grant_id, cause: 'test' }, w.local)
  expect(await ids()).toEqual([root.grant_id, other.grant_id])
  const { tokens } = await ask(w, listTokens, { include_dead: true }, w.local)
  expect(tokens.map((t) => [t.grant_id, t.status, t.dead_because])).toEqual([
    [root.grant_id, 'live', undefined],
    [child.grant_id, 'dead', 'invalid_token'],
    [grandchild.grant_id, 'dead', 'ancestor_revoked'],
    [other.grant_id, 'live', undefined],
  ])
})

test('cursors page through all of them once', async () => {
  const { w, ids } = await planted()
  const all = await ids()
  for (const limit of [1, 2, 3, 4]) {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const asked = { limit, ...(cursor !== undefined && { cursor }) }
      const page = await ask(w, listTokens, asked, w.local)
      expect(page.tokens.length).toBeLessThanOrEqual(limit)
      found.push(...page.tokens.map((token) => token.grant_id))
      cursor = page.next_cursor
    } while (cursor !== undefined && found.length < 9)
    expect(found).toEqual(all)
  }
})

test('a hundred are listed by default', async () => {
  const w = await world()
  const roots: string[] = []
  for (let i = 0; i < 101; i++) roots.push((await rootOf(w, w.local)).grant_id)
  const page = await ask(w, listTokens, {}, w.local)
  expect(page.tokens.map((token) => token.grant_id)).toEqual(roots.slice(0, 100))
  const { tokens } = await ask(w, listTokens, { cursor: page.next_cursor }, w.local)
  expect(tokens.map((token) => token.grant_id)).toEqual(roots.slice(100))
})

test('what is not one’s own needs tokens:read, on one agent or on all', async () => {
  const { w, root, child, grandchild, ids } = await planted()
  const reader = await w.addAgent('reader', 'tokens/helper:read')
  expect(await ids({ agent: 'helper' }, reader)).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ grant_id: child.grant_id }, reader)).toContain(child.grant_id)
  const no = await refuse(w, listTokens, { agent: 'nobody' }, reader)
  expect(no.code).toBe('not_found')
  expect(await refuse(w, listTokens, { agent: 'local' }, reader)).toEqual(no)
  const unknown = { grant_id: w.context.newId('grt') }
  expect(await refuse(w, listTokens, { grant_id: root.grant_id }, reader)).toEqual(
    await refuse(w, listTokens, unknown, reader),
  )
})

test('another organisation sees nothing of it', async () => {
  const { w, root, ids } = await planted()
  const { admin } = await w.addOrg('other')
  expect(await ids({ include_dead: true }, admin)).toEqual([])
  expect(await refuse(w, listTokens, { grant_id: root.grant_id }, admin)).toMatchObject({
    code: 'not_found',
  })
})

test.each([
  { limit: 0 },
  { limit: 1001 },
  { agent: 'No Name' },
  { cursor: 7 },
  { cursor: 'x' },
  { dry_run: true },
])('%j is malformed', async (asked) => {
  const w = await world()
  expect(await refuse(w, listTokens, asked)).toMatchObject({ code: 'invalid_request' })
})
