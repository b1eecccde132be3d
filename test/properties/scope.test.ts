// What one scope says about another, held against what both mean when written out.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { covers, intersect, meet, parseScope, reduce, setCovers } from '../../src/core/scope.ts'
import { scope } from '../support/state.ts'
import { everyPath, everything, inAny, inBoth, isSubset, meaningIn } from './meaning.ts'
import type { SmallWorld } from './meaning.ts'

const world: SmallWorld = {
  letters: ['a', 'b', 'c'],
  longestPath: 4,
  types: { x: ['read', 'write', 'other'], y: ['read', 'write', 'other'] },
}
const meaning = meaningIn(world)
const allPaths = everyPath(['a', 'b', 'c', '*'], 4)

const anyPath = fc.constantFrom(...allPaths)
const likelyPath = fc.constantFrom(...everyPath(['a', 'b', '*'], 2))
const anyScope = fc
  .tuple(
    fc.constantFrom('x', 'x', 'x', 'y'),
    fc.oneof(anyPath, likelyPath),
    fc.constantFrom('read', 'write', '*'),
  )
  .map(([type, path, operation]) => `${type}${path}:${operation}`)
const anySet = fc.array(anyScope, { maxLength: 6 })
const meaningOf = (texts: readonly string[]) => inAny(texts.map((text) => meaning(text)))

describe('the written-out meaning', () => {
  it('is that of the grammar', () => {
    const small = meaningIn({ letters: ['a', 'b'], longestPath: 2, types: { x: ['r', 's'] } })
    const told = (text: string) => [...small(text)].toSorted()
    expect(told('x/*:r')).toEqual(['x/a:r', 'x/b:r'])
    expect(told('x/a:*')).toEqual(['x/a:r', 'x/a:s'])
    expect(told('x/a/**:r')).toEqual(['x/a/a:r', 'x/a/b:r', 'x/a:r'])
    expect(told('x/*/b:r')).toEqual(['x/a/b:r', 'x/b/b:r'])
    expect(told('x:r')).toEqual(told('x/**:r'))
    expect(told('x:r')).toHaveLength(7)
    expect([...small('x/a:*', (operation) => operation === 's')]).toEqual(['x/a:s'])
    expect(everything(world)).toHaveLength(726)
  })
})

describe('covers', () => {
  it('is inclusion of meaning, for every two paths of the small world', () => {
    const all = allPaths.map((path) => scope(`x${path}:read`))
    const disagreeing: string[] = []
    for (const granted of all) {
      for (const wanted of all) {
        const isIncluded = isSubset(meaning(wanted.text), meaning(granted.text))
        if (covers(granted, wanted) !== isIncluded) {
          disagreeing.push(`${granted.text} ${wanted.text}`)
        }
      }
    }
    expect([all.length ** 2, disagreeing]).toEqual([181_476, []])
  })

  it('is inclusion of meaning, types and operations included', () => {
    fc.assert(
      fc.property(anyScope, anyScope, (granted, wanted) => {
        expect(covers(scope(granted), scope(wanted))).toBe(
          isSubset(meaning(wanted), meaning(granted)),
        )
      }),
      { numRuns: 5000 },
    )
  })

  it('is reflexive and transitive', () => {
    const all = everyPath(['a', '*'], 3).map((path) => scope(`x${path}:read`))
    const broken: string[] = []
    for (const a of all) {
      if (!covers(a, a)) broken.push(a.text)
      for (const b of all.filter((each) => covers(a, each))) {
        for (const c of all) {
          if (covers(b, c) && !covers(a, c)) broken.push(`${a.text} ${b.text} ${c.text}`)
        }
      }
    }
    expect([all.length, broken]).toEqual([22, []])
  })

  it('is for a set what one member means, which is all there is to ask of one resource', () => {
    const resource = fc.constantFrom(...everything(world).filter((each) => each.includes('/')))
    fc.assert(
      fc.property(anySet, anyScope, resource, (granted, wanted, one) => {
        const set = granted.map(scope)
        const some = granted.some((each) => isSubset(meaning(wanted), meaning(each)))
        expect(setCovers(set, scope(wanted))).toBe(some)
        expect(!some || isSubset(meaning(wanted), meaningOf(granted))).toBe(true)
        expect(setCovers(set, scope(one))).toBe(meaningOf(granted).has(one))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('meet', () => {
  it('is what both mean, whichever comes first', () => {
    fc.assert(
      fc.property(anyScope, anyScope, (a, b) => {
        const both = meet(scope(a), scope(b))
        expect(both === undefined ? new Set() : meaning(both.text)).toEqual(
          inBoth(meaning(a), meaning(b)),
        )
        expect(meet(scope(b), scope(a))).toEqual(both)
        expect(both === undefined || scope(both.text)).toEqual(both ?? true)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('sets', () => {
  it('intersect to what both mean', () => {
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        const both = intersect(a.map(scope), b.map(scope)).map(({ text }) => text)
        expect(meaningOf(both)).toEqual(inBoth(meaningOf(a), meaningOf(b)))
      }),
      { numRuns: 2000 },
    )
  })

  it('are reduced without losing meaning, to members none of which another covers', () => {
    fc.assert(
      fc.property(anySet, (set) => {
        const left = reduce(set.map(scope)).map(({ text }) => text)
        expect(meaningOf(left)).toEqual(meaningOf(set))
        expect(
          left.filter((a, i) => left.some((b, j) => i !== j && isSubset(meaning(a), meaning(b)))),
        ).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a scope', () => {
  const name = '[a-z0-9][a-z0-9._-]{0,63}'
  const grammar = new RegExp(`^${name}(/(${name}|\\*))*(/\\*\\*)?:(${name}|\\*)$`)
  const id = /(^|[/:])[a-z]([a-z_]{0,61}[a-z])?_[0-7][0-9a-hjkmnp-tv-z]{25}([/:]|$)/
  const isScope = (text: string) =>
    grammar.test(text) && !id.test(text) && text.split('/').length <= 17

  const word = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,9}$/)
  const written = fc
    .record({
      type: word,
      path: fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 18, size: 'max' }),
      rest: fc.constantFrom('', '', '/**'),
      operation: fc.oneof(word, fc.constant('*')),
    })
    .map(({ type, path, rest, operation }) => `${[type, ...path].join('/')}${rest}:${operation}`)
  const edit = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.constantFrom(
      '*',
      '**',
      '/',
      ':',
      '',
      ' ',
      'A',
      '.',
      '\n',
      '\0',
      'é',
      '/**',
      '_',
      'agt_01jz0000000000000000000000',
    ),
  )

  it('is what the grammar says, and keeps its text', () => {
    fc.assert(
      fc.property(written, fc.array(edit, { maxLength: 2 }), (text, edits) => {
        const edited = edits.reduce((now, [place, gone, put]) => {
          const at = place % (now.length + 1)
          return now.slice(0, at) + put + now.slice(at + gone)
        }, text)
        expect(parseScope(edited)?.text).toBe(isScope(edited) ? edited : undefined)
      }),
      { numRuns: 5000 },
    )
  })

  it('is never read out of anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(parseScope(text) !== undefined).toBe(isScope(text))
      }),
      { numRuns: 2000 },
    )
  })
})
