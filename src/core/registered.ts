// Is a scope about something that exists here? An unregistered type or operation is refused, with the
// nearest match named, because a misspelt scope must never look like a narrow one.

import type { Scope } from './scope.ts'
import type { State } from './state.ts'
import { reservedTypes } from './reserved-types.ts'

export type Registered =
  | { readonly ok: true }
  | { readonly ok: false; readonly what: 'type' | 'operation'; readonly nearest?: string }

/** Whether type and operation of a scope are registered in the organisation. */
export function isRegistered(
  scope: Scope,
  orgId: string,
  state: State,
  typeNames: () => Iterable<string>,
): Registered {
  const type = state.resourceType(orgId, scope.type)
  if (type === undefined) {
    const near = nearest(scope.type, [...reservedTypes.keys(), ...typeNames()])
    return { ok: false, what: 'type', ...(near !== undefined && { nearest: near }) }
  }
  if (scope.operation === '*' || type.operations.has(scope.operation)) return { ok: true }
  const near = nearest(scope.operation, [...type.operations.keys()])
  return {
    ok: false,
    what: 'operation',
    ...(near !== undefined && { nearest: `${scope.type}:${near}` }),
  }
}

/** The candidate with the smallest edit distance, if it is at most half of the word. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of candidates) {
    const distance = editDistance(word, name)
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best !== undefined && best.distance <= Math.ceil(word.length / 2) ? best.name : undefined
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(swap, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
