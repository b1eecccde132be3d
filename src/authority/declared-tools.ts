// What a server's own list of tools comes to. They live under `tool/<its name>/` whatever they are called,
// each under a name of its own, and nothing is case-folded (authority: 28). A tool that is no longer
// listed is withdrawn: no grant can name it any more, and none of before gets it back (authority: 16).

import { isFreeText, isName } from '../core/name.ts'
import { Refusal } from '../core/refusal.ts'
import { toolTarget } from '../core/revocation.ts'
import { scopeNameOf } from '../core/state.ts'
import type { McpServer } from '../core/state.ts'
import { insertRevocation } from '../store/revocations.ts'
import type { Write } from '../store/store.ts'

type Tools = McpServer['tools']

/** Refuses tools that cannot stand in a scope, or that share a name. */
export function requireNamedTools(tools: Tools): void {
  const scopeNames = tools.map(scopeNameOf)
  const areNames = scopeNames.every(isName) && tools.every(({ name }) => isFreeText(name))
  if (areNames && areDistinct(scopeNames) && areDistinct(tools.map(({ name }) => name))) return
  throw new Refusal('invalid_request', {
    message: 'Each tool needs a name or scope_name of its own that can stand in a scope.',
    remedy: { text: 'Give such tools a scope_name of a-z, 0-9, dot, dash and underscore.' },
  })
}

const areDistinct = (names: readonly string[]): boolean => new Set(names).size === names.length

/** One restriction for each tool that was listed and is no more. */
export function withdraw({ orgId, name, tools }: McpServer, next: Tools, now: number): Write[] {
  const kept = new Set(next.map(scopeNameOf))
  return tools
    .map(scopeNameOf)
    .filter((tool) => !kept.has(tool))
    .map((tool) =>
      insertRevocation({
        orgId,
        kind: 'tool',
        target: toolTarget(orgId, name, tool),
        within: [],
        cause: 'The server no longer lists it.',
        at: now,
      }),
    )
}
