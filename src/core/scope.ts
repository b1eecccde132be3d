// The scope grammar and what one scope says about another.
//
//   scope     = type *( "/" segment ) ":" operation      segment   = name | "*" | "**" (only last)
//   type      = name                                     operation = name | "*"
//
// `*` is exactly one segment, `**` the rest (none included), no path the whole type. There are no type
// wildcards, no deny rules, no implied operations and no normalisation: what does not fit is refused.

import { isName } from './name.ts'

export interface Scope {
  readonly type: string
  /** Always explicit: a scope without a path has the single segment `**`. */
  readonly segments: readonly string[]
  readonly operation: string
  /** As it was written, which is also how it is compared for equality and shown. */
  readonly text: string
}

export type ScopeSet = readonly Scope[]

export const maxScopes = 128
const maxSegments = 16
const maxLength = 64 * 18 + 18
const wholeType: readonly string[] = ['**']

/** Reads one scope exactly as the grammar says; anything else is `undefined`, never repaired. */
export function parseScope(text: string): Scope | undefined {
  if (text.length > maxLength) return undefined
  const colon = text.indexOf(':')
  if (colon === -1) return undefined
  const operation = text.slice(colon + 1)
  if (operation !== '*' && !isName(operation)) return undefined
  const [type, ...path] = text.slice(0, colon).split('/')
  if (type === undefined || !isName(type) || path.length > maxSegments) return undefined
  const last = path.length - 1
  const wellFormed = path.every((s, i) => s === '*' || (s === '**' ? i === last : isName(s)))
  if (!wellFormed) return undefined
  return { type, segments: path.length === 0 ? wholeType : path, operation, text }
}

/** The wire form of a set: one space-separated string (RFC 6749 §3.3). */
export const formatScopes = (scopes: ScopeSet): string => scopes.map((s) => s.text).join(' ')

/** Reads a stored or configured set; refuses the whole set when one member does not parse. */
export function parseScopes(text: string): ScopeSet | undefined {
  const parsed = text === '' ? [] : text.split(' ').map(parseScope)
  return parsed.every((scope) => scope !== undefined) ? parsed : undefined
}

/**
 * A permission names one resource, or without a path asks for the whole type; it has no wildcards.
 * Every permission is also a scope, so `covers` decides both.
 */
export const isPermission = (scope: Scope): boolean =>
  scope.operation !== '*' &&
  (scope.segments === wholeType || scope.segments.every((s) => s !== '*' && s !== '**'))

/** Whether everything that `wanted` means is meant by `granted` too. */
export function covers(granted: Scope, wanted: Scope): boolean {
  if (granted.type !== wanted.type) return false
  if (granted.operation !== '*' && granted.operation !== wanted.operation) return false
  return coversPath(granted.segments, wanted.segments)
}

function coversPath(granted: readonly string[], wanted: readonly string[]): boolean {
  for (let i = 0; i < granted.length; i++) {
    const g = granted[i]
    if (g === '**') return true
    const w = wanted[i]
    if (w === undefined || w === '**') return false
    if (g !== '*' && g !== w) return false
  }
  return granted.length === wanted.length
}

/** A set covers a scope when one member does. */
export const setCovers = (granted: ScopeSet, wanted: Scope): boolean =>
  granted.some((g) => covers(g, wanted))

/** What two scopes both mean, which is always a single scope, or nothing. */
export function meet(a: Scope, b: Scope): Scope | undefined {
  if (a.type !== b.type) return undefined
  const operation = a.operation === '*' ? b.operation : a.operation
  if (b.operation !== '*' && b.operation !== operation) return undefined
  const segments = meetPaths(a.segments, b.segments)
  if (segments === undefined) return undefined
  return segments.length === 1 && segments[0] === '**'
    ? scopeOf(a.type, wholeType, operation)
    : scopeOf(a.type, segments, operation)
}

function meetPaths(a: readonly string[], b: readonly string[]): string[] | undefined {
  const path: string[] = []
  for (let i = 0; ; i++) {
    const x = a[i]
    const y = b[i]
    if (x === '**') return [...path, ...b.slice(i)]
    if (y === '**') return [...path, ...a.slice(i)]
    if (x === undefined || y === undefined) return x === y ? path : undefined
    if (x !== '*' && y !== '*' && x !== y) return undefined
    path.push(x === '*' ? y : x)
  }
}

function scopeOf(type: string, segments: readonly string[], operation: string): Scope {
  const path = segments === wholeType ? '' : segments.map((s) => `/${s}`).join('')
  return { type, segments, operation, text: `${type}${path}:${operation}` }
}

/** What both sets mean, without members that another member covers. */
export function intersect(a: ScopeSet, b: ScopeSet): ScopeSet {
  const found = new Map<string, Scope>()
  for (const x of a) {
    for (const y of b) {
      const both = meet(x, y)
      if (both !== undefined) found.set(both.text, both)
    }
  }
  return reduce([...found.values()])
}

/** The same meaning without members that another member covers. */
export function reduce(scopes: ScopeSet): ScopeSet {
  return scopes.filter(
    (s, i) => !scopes.some((o, j) => i !== j && covers(o, s) && (!covers(s, o) || j < i)),
  )
}
