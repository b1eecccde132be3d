// delegation_tree: who holds what from whom, as data and as a drawing.

import { expect, test } from 'vitest'
import { delegationTree } from '../../src/operations/delegation-tree.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf } from './asking.ts'

async function planted() {
  const w = await world()
  await w.addAgent('helper', 'demo:* tokens:delegate')
  const root = await rootOf(w, w.local, { instance: 'run-1' })
  const child = await childOf(w, root.presented, { to: 'helper' })
  const grandchild = await childOf(w, child.presented, { scopes: ['demo:read'] })
  const second = await childOf(w, root.presented, { scopes: ['demo/a:write'] })
  return { w, root, child, grandchild, second }
}

test('from a grant down, as nodes and as a drawing', async () => {
  const { w, root, child, grandchild, second } = await planted()
  const node = (of: typeof root, agent: string, more: object) => ({
    grant_id: of.grant_id,
    agent,
    scopes: of.scopes,
    expires_at: of.grant_expires_at,
    depth: of.depth,
    status: 'live',
    ...more,
  })
  expect(await ask(w, delegationTree, { root: root.grant_id }, w.local)).toEqual({
    nodes: [
      node(root, 'local', { instance: 'run-1' }),
      node(child, 'helper', { parent_id: root.grant_id }),
      node(grandchild, 'helper', { parent_id: child.grant_id }),
      node(second, 'local', { parent_id: root.grant_id }),
    ],
    text: [
      `local (run-1)  demo:* tokens:delegate  [live]  ${root.grant_id}`,
      `├─ helper  demo:* tokens:delegate  [live]  ${child.grant_id}`,
      `│  └─ helper  demo:read  [live]  ${grandchild.grant_id}`,
      `└─ local  demo/a:write  [live]  ${second.grant_id}`,
    ].join('\n'),
  })
})

test('all one’s own by default: the standing root with what is effective, and every other', async () => {
  const { w, root, child, grandchild, second } = await planted()
  const below = await childOf(w, w.local, { scopes: ['demo:read'] })
  const { nodes } = await ask(w, delegationTree, {}, w.local)
  expect(nodes.map((node) => node.grant_id)).toEqual([
    below.lineage[0],
    ...[root, child, grandchild, second, below].map((each) => each.grant_id),
  ])
  expect(nodes[0]).toEqual({
    grant_id: below.lineage[0],
    agent: 'local',
    scopes: ['demo:*', 'tokens:delegate'],
    depth: 0,
    status: 'live',
  })
})

test('by token and under act_as it begins at that grant', async () => {
  const { w, child, grandchild } = await planted()
  const ids = async (asked: Record<string, unknown>, as: Parameters<typeof ask>[3]) =>
    (await ask(w, delegationTree, asked, as)).nodes.map((node) => node.grant_id)
  expect(await ids({}, child.presented)).toEqual([child.grant_id, grandchild.grant_id])
  expect(await ids({ act_as: child.grant_id }, w.local)).toEqual([
    child.grant_id,
    grandchild.grant_id,
  ])
})

test('the dead are drawn where asked for', async () => {
  const { w, root, child, grandchild, second } = await planted()
  await ask(w, revokeToken, { grant_id: child.grant_id, cause: 'test' }, w.local)
  const asked = { root: root.grant_id }
  const { nodes } = await ask(w, delegationTree, asked, w.local)
  expect(nodes.map((node) => node.grant_id)).toEqual([root.grant_id, second.grant_id])
  const dead = await ask(w, delegationTree, { ...asked, include_dead: true }, w.local)
  expect(dead.nodes.map((node) => [node.grant_id, node.status, node.dead_because])).toEqual([
    [root.grant_id, 'live', undefined],
    [child.grant_id, 'dead', 'invalid_token'],
    [grandchild.grant_id, 'dead', 'ancestor_revoked'],
    [second.grant_id, 'live', undefined],
  ])
  expect(dead.text).toContain('[dead: revoked above]')
})

test('limit bounds the nodes', async () => {
  const { w } = await planted()
  for (const limit of [1, 3]) {
    const { nodes, text } = await ask(w, delegationTree, { limit }, w.local)
    expect(nodes).toHaveLength(limit)
    expect(text.split('\n')).toHaveLength(limit)
  }
  expect(await refuse(w, delegationTree, { limit: 0 })).toMatchObject({ code: 'invalid_request' })
})

test('others’ grants need tokens:read and answer as unknown ones without it', async () => {
  const { w, child } = await planted()
  const reader = await w.addAgent('reader', 'tokens:read')
  const stranger = await w.addAgent('stranger', 'demo:*')
  const { nodes } = await ask(w, delegationTree, { root: child.grant_id }, reader)
  expect(nodes).toHaveLength(2)
  const unknown = await refuse(w, delegationTree, { root: w.context.newId('grt') }, stranger)
  expect(unknown.code).toBe('not_found')
  expect(await refuse(w, delegationTree, { root: child.grant_id }, stranger)).toEqual(unknown)
})
