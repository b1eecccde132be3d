// Is a scope about something that exists here? An unregistered type, operation or tool is refused, with
// the nearest match named, because a misspelt scope must never look like a narrow one.

import { covers } from './scope.ts'
import type { Scope, ScopeSet } from './scope.ts'
import { scopeNameOf } from './state.ts'
import type { McpServer, State } from './state.ts'
import { reservedTypes } from './reserved-types.ts'

export type Registered =
  | { readonly ok: true }
  | { readonly ok: false; readonly what: 'type' | 'operation' | 'tool'; readonly nearest?: string }

/** Whether type and operation of a scope, and the tool where it names one, are registered. */
export function isRegistered(
  scope: Scope,
  orgId: string,
  state: State,
  typeNames: () => Iterable<string>,
): Registered {
  const type = state.resourceType(orgId, scope.type)
  if (type === undefined) {
    return missing('type', nearest(scope.type, [...reservedTypes.keys(), ...typeNames()]))
  }
  if (scope.operation !== '*' && !type.operations.has(scope.operation)) {
    const near = nearest(scope.operation, [...type.operations.keys()])
    return missing('operation', near === undefined ? undefined : `${scope.type}:${near}`)
  }
  return scope.type === 'tool' ? isTool(scope, state.tools(orgId)) : { ok: true }
}

/** What the tools of an organisation's active servers are called, each as the scope that means it alone. */
export const toolsOf = (orgId: string, servers: Iterable<McpServer>): ScopeSet =>
  [...servers]
    .filter((server) => server.orgId === orgId && server.status === 'active')
    .flatMap(({ name, tools }) => tools.map((tool) => toolScope(name, scopeNameOf(tool))))

const toolScope = (server: string, tool: string): Scope => ({
  type: 'tool',
  segments: [server, tool],
  operation: 'invoke',
  text: `tool/${server}/${tool}:invoke`,
})

const anyTool = toolScope('any', 'tool')

/** A tool is `tool/<server>/<tool>`, neither more nor less; what a scope names of that must be there. */
function isTool(scope: Scope, tools: ScopeSet): Registered {
  const isFree = scope.segments.every((segment) => segment === '*' || segment === '**')
  if (isFree ? covers(scope, anyTool) : tools.some((tool) => covers(scope, tool))) {
    return { ok: true }
  }
  const near = nearest(
    scope.text,
    tools.map(({ text }) => text),
  )
  return missing('tool', near)
}

const missing = (
  what: Exclude<Registered, { ok: true }>['what'],
  near: string | undefined,
): Registered => ({ ok: false, what, ...(near !== undefined && { nearest: near }) })

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
