import { describe, expect, it } from 'vitest'

import {
  covers,
  formatScopes,
  intersect,
  isPermission,
  meet,
  parseScope,
  parseScopes,
  reduce,
  setCovers,
} from '../../src/core/scope.ts'
import type { Scope } from '../../src/core/scope.ts'
import { scope, scopes } from '../support/state.ts'

const long = 'a'.repeat(64)
const path = (segments: number, segment = 'a') => `/${segment}`.repeat(segments)

describe('a scope', () => {
  it.each<[string, Omit<Scope, 'text'>]>([
    ['documents:read', { type: 'documents', segments: ['**'], operation: 'read' }],
    ['documents/**:read', { type: 'documents', segments: ['**'], operation: 'read' }],
    ['documents/*:read', { type: 'documents', segments: ['*'], operation: 'read' }],
    [
      'documents/reports/2026:read',
      { type: 'documents', segments: ['reports', '2026'], operation: 'read' },
    ],
    ['secrets/db/**:rotate', { type: 'secrets', segments: ['db', '**'], operation: 'rotate' }],
    ['secrets/*/*/a:*', { type: 'secrets', segments: ['*', '*', 'a'], operation: '*' }],
    [
      'tool/github/create_issue:invoke',
      { type: 'tool', segments: ['github', 'create_issue'], operation: 'invoke' },
    ],
    ['constructor:read', { type: 'constructor', segments: ['**'], operation: 'read' }],
    [
      `${long}${path(16, long)}:${long}`,
      { type: long, segments: Array.from({ length: 16 }, () => long), operation: long },
    ],
    [
      `a${path(15)}/**:b`,
      { type: 'a', segments: [...Array.from({ length: 15 }, () => 'a'), '**'], operation: 'b' },
    ],
  ])('is read as it is written: %s', (text, expected) => {
    expect(parseScope(text)).toEqual({ ...expected, text })
  })

  it.each([
    ['nothing', ''],
    ['only a type', 'documents'],
    ['no operation', 'documents:'],
    ['no type', ':read'],
    ['only a colon', ':'],
    ['only a wildcard', '*'],
    ['two operations', 'documents:read:write'],
    ['a list of operations', 'documents:read,write'],
    ['a path after the operation', 'documents:read/a'],
    ['a wildcard as type', '*:read'],
    ['all of everything', '*:*'],
    ['a wildcard of any depth as type', '**:read'],
    ['a wildcard within a type', 'doc*:read'],
    ['a wildcard within a segment', 'documents/a*:read'],
    ['a wildcard of any depth before the end', 'documents/**/a:read'],
    ['two wildcards of any depth', 'documents/**/**:read'],
    ['three stars', 'documents/***:read'],
    ['a wildcard of any depth as operation', 'documents:**'],
    ['a wildcard within an operation', 'documents:re*'],
    ['a question mark', 'documents/?:read'],
    ['alternatives', 'documents/{a,b}:read'],
    ['a denial', '!documents:read'],
    ['a denial by sign', '-documents:read'],
    ['a slash at the end', 'documents/a/:read'],
    ['only a slash', 'documents/:read'],
    ['an empty segment', 'documents//a:read'],
    ['a slash at the start', '/documents:read'],
    ['a segment for this folder', 'documents/./a:read'],
    ['a segment for the folder above', 'documents/../a:read'],
    ['uppercase in the type', 'Documents:read'],
    ['uppercase in a segment', 'documents/A:read'],
    ['uppercase in the operation', 'documents:Read'],
    ['a space before', ' documents:read'],
    ['a space after', 'documents:read '],
    ['a space within', 'documents/a b:read'],
    ['two scopes', 'documents:read documents:write'],
    ['a line after', 'documents:read\n'],
    ['a line within', 'documents\n:read'],
    ['a tab', 'documents/\ta:read'],
    ['a NUL', 'documents/a\0:read'],
    ['a carriage return', 'documents:read\r'],
    ['a letter of another script', 'd\u043ecuments:read'],
    ['a composed letter', 'documents/caf\u00e9:read'],
    ['a full-width colon', 'documents\uff1aread'],
    ['a division slash', 'documents\u2215a:read'],
    ['a character of no width', 'documents/a\u200b:read'],
    ['a byte order mark', '\ufeffdocuments:read'],
    ['half a character', 'documents/\ud83d:read'],
    ['an escaped slash', 'documents/a%2fb:read'],
    ['a prototype as type', '__proto__:read'],
    ['a prototype as segment', 'documents/__proto__:read'],
    ['a prototype as operation', 'documents:__proto__'],
    ['a type that looks like an id', 'agt_01jz0000000000000000000000:read'],
    ['a segment that looks like an id', 'agents/agt_01jz0000000000000000000000:read'],
    ['an operation that looks like an id', 'agents:agt_01jz0000000000000000000000'],
    ['a type that is too long', `${long}a:read`],
    ['a segment that is too long', `documents/${long}a:read`],
    ['an operation that is too long', `documents:${long}a`],
    ['17 segments', `documents${path(17)}:read`],
    ['17 segments with the wildcard', `documents${path(16)}/**:read`],
    ['a megabyte', `documents/${'a/'.repeat(500_000)}a:read`],
  ])('is not %s', (_, text) => {
    expect(parseScope(text)).toBeUndefined()
  })
})

describe('a permission', () => {
  it.each([
    ['documents:read', true],
    ['documents/a/b:read', true],
    ['documents/**:read', false],
    ['documents/a/**:read', false],
    ['documents/*:read', false],
    ['documents/*/a:read', false],
    ['documents:*', false],
    ['documents/a:*', false],
  ])('is what %s is: %j', (text, expected) => {
    expect(isPermission(scope(text))).toBe(expected)
  })
})

describe('one scope covers another', () => {
  it.each([
    ['itself', 'documents/a:read', 'documents/a:read'],
    ['however the whole type is written', 'documents:read', 'documents/**:read'],
    ['and the other way round', 'documents/**:read', 'documents:read'],
    ['what lies in its type', 'documents:read', 'documents/a/b/c:read'],
    ['what lies below', 'documents/a/**:read', 'documents/a/b/c:read'],
    ['what the rest begins with', 'documents/a/**:read', 'documents/a:read'],
    ['a narrower rest', 'documents/**:read', 'documents/a/**:read'],
    ['any one segment', 'documents/*:read', 'documents/a:read'],
    ['a wildcard for one segment', 'documents/*:read', 'documents/*:read'],
    ['one segment within', 'documents/*/b:read', 'documents/a/b:read'],
    ['a wildcard under the rest', 'documents/**:read', 'documents/*/*:read'],
    ['the rest after one segment', 'documents/*/**:read', 'documents/a/**:read'],
    ['any operation', 'documents:*', 'documents/a:read'],
    ['a wildcard for operations', 'documents:*', 'documents:*'],
  ])('%s', (_, granted, wanted) => {
    expect(covers(scope(granted), scope(wanted))).toBe(true)
  })

  it.each([
    ['of another type', 'documents:read', 'reports:read'],
    ['of a type whose name it begins', 'doc:read', 'documents:read'],
    ['with another operation', 'documents:read', 'documents:write'],
    ['with an operation it might imply', 'documents:write', 'documents:read'],
    ['with all operations', 'documents:read', 'documents:*'],
    ['of the whole type', 'documents/a:read', 'documents:read'],
    ['beside it', 'documents/a:read', 'documents/b:read'],
    ['that begins alike', 'documents/a:read', 'documents/ab:read'],
    ['above it', 'documents/a/b:read', 'documents/a:read'],
    ['below it', 'documents/a:read', 'documents/a/b:read'],
    ['two segments down', 'documents/*:read', 'documents/a/b:read'],
    ['with no segment', 'documents/*:read', 'documents:read'],
    ['with any segment', 'documents/a:read', 'documents/*:read'],
    ['with any rest', 'documents/*:read', 'documents/**:read'],
    ['with a rest that may be none', 'documents/*/**:read', 'documents/**:read'],
    ['with a rest of its own', 'documents/a:read', 'documents/a/**:read'],
  ])('but none %s', (_, granted, wanted) => {
    expect(covers(scope(granted), scope(wanted))).toBe(false)
  })
})

describe('a set of scopes', () => {
  it('covers what one of its members covers', () => {
    expect(setCovers(scopes('a:read b/x:*'), scope('b/x:write'))).toBe(true)
  })

  it('does not cover what only its members together would', () => {
    expect(setCovers(scopes('a:read a:write'), scope('a:*'))).toBe(false)
    expect(setCovers(scopes('a/b:read a/b/*/**:read'), scope('a/b/**:read'))).toBe(false)
  })

  it('covers nothing when it is empty', () => {
    expect(setCovers([], scope('a:read'))).toBe(false)
  })

  it('is written with single spaces and read back', () => {
    expect(formatScopes(scopes('a/b:read c:*'))).toBe('a/b:read c:*')
    expect(parseScopes('a/b:read c:*')).toEqual(scopes('a/b:read c:*'))
    expect(parseScopes('')).toEqual([])
  })

  it.each(['a:read B:read', 'a:read,b:read', 'a:read\nb:read', 'a:read\u00a0b:read', 'a:read :'])(
    'is refused whole when a member is none: %j',
    (text) => {
      expect(parseScopes(text)).toBeUndefined()
    },
  )

  it.each([
    ['a member that another covers', 'a:read a/b:read', 'a:read'],
    ['the later of two that mean the same', 'a/**:read a:read', 'a/**:read'],
    ['nothing that only others together cover', 'a:read a:write b:*', 'a:read a:write b:*'],
    ['all but the widest', 'a/b:read a/*:read a:read a:*', 'a:*'],
  ])('is reduced by %s', (_, given, expected) => {
    expect(formatScopes(reduce(scopes(given)))).toBe(expected)
  })

  it.each([
    ['a:read', 'b:read', ''],
    ['a:read', 'a:write', ''],
    ['', 'a:*', ''],
    ['a/**:*', 'a/b:read c:read', 'a/b:read'],
    ['a/*/b:read a/c/d:read', 'a/c/*:*', 'a/c/b:read a/c/d:read'],
    ['a:read a:write', 'a:*', 'a:read a:write'],
    ['a/b:read', 'a/b:read a/**:*', 'a/b:read'],
  ])('%j and %j both mean %j', (a, b, expected) => {
    expect(formatScopes(intersect(scopes(a), scopes(b)))).toBe(expected)
  })
})

describe('what two scopes both mean', () => {
  it.each([
    ['a/*/c:read', 'a/b/*:read', 'a/b/c:read'],
    ['a/**:read', 'a/*/b/**:*', 'a/*/b/**:read'],
    ['a/b/**:read', 'a/b:read', 'a/b:read'],
    ['a/*/**:read', 'a/b:read', 'a/b:read'],
    ['a/**:read', 'a:*', 'a:read'],
    ['a:*', 'a/**:*', 'a:*'],
    [`a${path(15)}/**:b`, `a${path(16)}:b`, `a${path(16)}:b`],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(meet(scope(a), scope(b))).toEqual(scope(expected))
    expect(meet(scope(b), scope(a))).toEqual(scope(expected))
  })

  it.each([
    ['a:read', 'b:read'],
    ['a:read', 'a:write'],
    ['a/b:read', 'a/c:read'],
    ['a/b:read', 'a/b/c:read'],
    ['a/*:read', 'a/*/*:read'],
    ['a/b/*/**:read', 'a/b:read'],
  ])('%s and %s: nothing', (a, b) => {
    expect(meet(scope(a), scope(b))).toBeUndefined()
    expect(meet(scope(b), scope(a))).toBeUndefined()
  })
})
