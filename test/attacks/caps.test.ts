// Attacks by number (authority: 38). Children of a grant and grants of a root have caps that hold however
// many ask at once; what is told is the code and one's own grant.

import { describe, expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { authorityIn, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const asked = { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 900 }

const root = async (w: World) => (await w.result(mintToken, asked, w.local)).grant_id

const below = (w: World, act_as: string, more: object = {}, context = w.context) =>
  w.call(delegateToken, { ...asked, act_as, ...more }, w.local, { in: context })

const codes = (answers: readonly Awaited<ReturnType<typeof below>>[]) =>
  answers.map((answer) => (answer.ok ? 'allowed' : answer.refusal.code))

const count = (answers: readonly string[], code: string) =>
  answers.filter((each) => each === code).length

describe('the children of one grant', () => {
  test('are at most as many as configured, and one that ended makes room', async () => {
    const w = await world({ settings: { maxChildren: 3 } })
    const parent = await root(w)
    const told = []
    for (let i = 0; i < 3; i++) told.push(await below(w, parent, { grant_ttl_seconds: 600 }))
    expect(codes(told)).toEqual(['allowed', 'allowed', 'allowed'])
    const before = authorityIn(w)
    const refusal = await w.refusal(delegateToken, { ...asked, act_as: parent }, w.local)
    expect(refusal.toError()).toMatchObject({ code: 'rate_limited', missing_at: parent })
    expect(authorityIn(w)).toEqual(before)
    expect(codes([await below(w, parent, { dry_run: true })])).toEqual(['rate_limited'])
    const other = await root(w)
    expect(codes([await below(w, other)])).toEqual(['allowed'])
    w.pass(600)
    expect(codes([await below(w, parent)])).toEqual(['allowed'])
  })

  test('are told of last, with all else that goes too far, a dry run or not', async () => {
    const w = await world({ settings: { maxChildren: 1 } })
    const parent = await root(w)
    await below(w, parent)
    const wide = { scopes: ['demo:write'], max_depth: 9, act_as: parent }
    for (const dry_run of [false, true]) {
      const refusal = await w.refusal(delegateToken, { ...wide, dry_run }, w.local)
      expect(refusal.code).toBe('exceeds_parent')
      expect(refusal.detail.failures?.map(({ dimension }) => dimension)).toEqual([
        'scopes',
        'max_depth',
        'children',
      ])
      const unknown = { ...wide, scopes: ['nothing:write'], dry_run }
      expect((await w.refusal(delegateToken, unknown, w.local)).code).toBe('invalid_scope')
      const alone = await w.refusal(delegateToken, { ...asked, act_as: parent, dry_run }, w.local)
      expect(alone.toError()).toMatchObject({
        code: 'rate_limited',
        failures: [{ code: 'rate_limited', dimension: 'children', missing_at: parent }],
      })
    }
  })

  test('are capped however many are asked for at once, over two processes', async () => {
    const w = await world({ settings: { maxChildren: 5 } })
    const processes = [w.context, await w.startProcess()]
    const parent = await root(w)
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => below(w, parent, {}, processes[i % 2])),
    )
    expect(count(codes(answers), 'allowed')).toBe(5)
    expect(count(codes(answers), 'rate_limited')).toBe(25)
    const children = tablesOf(w)['grants']?.filter((grant) => grant['parent_id'] === parent)
    expect(children).toHaveLength(5)
  })

  test('of the root of a credential are capped too', async () => {
    const w = await world({ settings: { maxChildren: 2 } })
    const answers = []
    for (let i = 0; i < 4; i++) answers.push(await w.call(delegateToken, asked, w.local))
    expect(codes(answers)).toEqual(['allowed', 'allowed', 'rate_limited', 'rate_limited'])
  })
})

describe('all grants of one root', () => {
  test('are capped over the whole tree, however it is spread', async () => {
    const w = await world({ settings: { maxGrantsPerRoot: 8 } })
    const processes = [w.context, await w.startProcess()]
    const top = await root(w)
    const parents = [top]
    for (let i = 0; i < 3; i++) {
      const answer = await below(w, parents.at(-1) ?? top)
      parents.push(answer.ok ? String(answer.result['grant_id']) : '')
    }
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        below(w, parents[i % parents.length] ?? top, {}, processes[i % 2]),
      ),
    )
    const grants = tablesOf(w)['grants']?.filter((grant) => grant['root_id'] === top)
    expect(grants).toHaveLength(8)
    expect(count(codes(answers), 'allowed')).toBe(4)
    expect(count(codes(answers), 'rate_limited')).toBe(20)
  })
})
