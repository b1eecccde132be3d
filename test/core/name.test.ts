import { describe, expect, it } from 'vitest'

import { isFreeText, isName, isSubtask, isTask, taskAndAncestors } from '../../src/core/name.ts'

describe('a name', () => {
  it.each([
    'a',
    '7',
    '2026',
    'billing-bot',
    'v1.2.3',
    'a_b',
    'a..b',
    'a-',
    'constructor',
    'a'.repeat(64),
  ])('may be %s', (text) => {
    expect(isName(text)).toBe(true)
  })

  it.each([
    ['nothing', ''],
    ['uppercase', 'Reports'],
    ['a space', 'a b'],
    ['a space before', ' a'],
    ['a line after', 'a\n'],
    ['a dot first', '.a'],
    ['one dot', '.'],
    ['two dots', '..'],
    ['a hyphen first', '-a'],
    ['an underscore first', '_a'],
    ['a prototype', '__proto__'],
    ['a wildcard', '*'],
    ['a wildcard within', 'a*'],
    ['a slash', 'a/b'],
    ['a colon', 'a:b'],
    ['an escape', '%61'],
    ['a NUL', 'a\0'],
    ['a tab', 'a\tb'],
    ['an escape sequence', 'a\u001b[2J'],
    ['a Cyrillic letter', '\u0430'],
    ['a composed letter', 'caf\u00e9'],
    ['a full-width letter', '\uff41'],
    ['a character of no width', 'a\u200bb'],
    ['65 characters', 'a'.repeat(65)],
    ['a TypeID', 'agt_01jz0000000000000000000000'],
    ['a TypeID of any prefix', 'any_thing_7zzzzzzzzzzzzzzzzzzzzzzzzz'],
  ])('may not be %s', (_, text) => {
    expect(isName(text)).toBe(false)
  })
})

describe('a task', () => {
  it.each([
    ['one label', 'report'],
    ['labels', 'report/2026/q3'],
    ['16 labels', Array.from({ length: 16 }, () => 'a').join('/')],
    ['16 of the longest labels', Array.from({ length: 16 }, () => 'a'.repeat(64)).join('/')],
  ])('may be %s', (_, text) => {
    expect(isTask(text)).toBe(true)
  })

  it.each([
    ['nothing', ''],
    ['an empty label', 'a//b'],
    ['a slash first', '/a'],
    ['a slash last', 'a/'],
    ['17 labels', Array.from({ length: 17 }, () => 'a').join('/')],
    ['a wildcard', 'a/*'],
    ['uppercase', 'a/B'],
    ['a parent folder', 'a/../b'],
    ['an id', 'ins_01jz0000000000000000000000'],
    ['more text than any task has', 'a'.repeat(5000)],
  ])('may not be %s', (_, text) => {
    expect(isTask(text)).toBe(false)
  })

  it.each([
    ['a', 'a', true],
    ['a/b', 'a', true],
    ['a/b/c', 'a', true],
    ['a/b/c', 'a/b', true],
    ['a', 'a/b', false],
    ['ab', 'a', false],
    ['a.b', 'a', false],
    ['b/a', 'a', false],
  ])('%s within %s: %j', (task, ancestor, expected) => {
    expect(isSubtask(task, ancestor)).toBe(expected)
  })

  it('is part of itself and of all that its labels lead through', () => {
    expect(taskAndAncestors('a/b/c')).toEqual(['a', 'a/b', 'a/b/c'])
    expect(taskAndAncestors('a')).toEqual(['a'])
  })
})

describe('free text', () => {
  it.each([
    ['nothing', ''],
    ['words', 'Key leaked in build 17.'],
    ['any script', 'Zoë 鍵 \u{1f511}'],
    ['500 characters', 'a'.repeat(500)],
    ['500 characters of two units each', '\u{1f511}'.repeat(500)],
  ])('may be %s', (_, text) => {
    expect(isFreeText(text)).toBe(true)
  })

  it.each([
    ['501 characters', 'a'.repeat(501)],
    ['501 characters of two units each', '\u{1f511}'.repeat(501)],
    ['a NUL', 'a\0b'],
    ['a line feed', 'a\nb'],
    ['an escape sequence', '\u001b[31m'],
    ['a C1 control', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['half a character', 'a\ud83d'],
    ['the other half', '\udd11a'],
  ])('may not hold %s', (_, text) => {
    expect(isFreeText(text)).toBe(false)
  })
})
