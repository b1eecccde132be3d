import { describe, expect, it } from 'vitest'

import { isId, looksLikeId, newId } from '../../src/core/id.ts'
import type { IdPrefix } from '../../src/core/id.ts'

const prefixes: readonly IdPrefix[] = [
  'org',
  'srv',
  'reg',
  'agt',
  'ins',
  'crd',
  'grt',
  'tok',
  'hof',
  'key',
  'evt',
]

describe('an id', () => {
  it.each(prefixes)('is a TypeID of its kind alone: %s', (prefix) => {
    const id = newId(prefix)
    expect(id).toMatch(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`))
    expect(prefixes.filter((each) => isId(each, id))).toEqual([prefix])
    expect(looksLikeId(id)).toBe(true)
  })

  it('sorts after those made in an earlier millisecond', async () => {
    const first = newId('grt')
    await new Promise((resolve) => setTimeout(resolve, 2))
    expect(first < newId('grt')).toBe(true)
  })

  it.each([
    ['agt_01jz0000000000000000000000', true],
    ['agt_7zzzzzzzzzzzzzzzzzzzzzzzzz', true],
    ['agt_8zzzzzzzzzzzzzzzzzzzzzzzzz', false],
    ['agt_01jz000000000000000000000', false],
    ['agt_01jz00000000000000000000000', false],
    ['agt_01JZ0000000000000000000000', false],
    ['agt_01jz000000000000000000000l', false],
    ['agt_01jz0000000000000000000000\n', false],
    [' agt_01jz0000000000000000000000', false],
    ['AGT_01jz0000000000000000000000', false],
    ['agt-01jz0000000000000000000000', false],
    ['agt_', false],
    ['', false],
    ['grt_01jz0000000000000000000000', false],
    ['agt_agt_01jz0000000000000000000000', false],
  ])('of an agent is %j: %j', (text, expected) => {
    expect(isId('agt', text)).toBe(expected)
  })

  it.each([
    ['a_01jz0000000000000000000000', true],
    ['some_kind_01jz0000000000000000000000', true],
    [`${'a'.repeat(63)}_01jz0000000000000000000000`, true],
    [`${'a'.repeat(64)}_01jz0000000000000000000000`, false],
    ['_01jz0000000000000000000000', false],
    ['a__01jz0000000000000000000000', false],
    ['billing-bot', false],
    ['agt_1', false],
  ])('is what %j looks like: %j', (text, expected) => {
    expect(looksLikeId(text)).toBe(expected)
  })
})
