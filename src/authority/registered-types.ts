// Resource types as the live state answers for them: Remit's own are always there, and the ceiling that
// `init` gives its agent follows whatever is registered.

import { reservedTypes } from '../core/reserved-types.ts'
import { parseScope } from '../core/scope.ts'
import type { Scope, ScopeSet } from '../core/scope.ts'
import type { ResourceType } from '../core/state.ts'

/** One of Remit's own types, which no organisation can register. */
export function reserved(orgId: string, type: string): ResourceType | undefined {
  const operations = reservedTypes.get(type)
  if (operations === undefined) return undefined
  return { orgId, type, description: '', operations, ownerId: 'remit', createdAt: 0 }
}

/** Every registered type with all its operations: the ceiling of the agent that `init` made. */
export function wholeCeiling(orgId: string, types: ReadonlyMap<string, ResourceType>): ScopeSet {
  const own = [...types.values()].filter((type) => type.orgId === orgId)
  return [...reservedTypes.keys(), ...own.map((type) => type.type)]
    .map((type) => parseScope(`${type}:*`))
    .filter((scope): scope is Scope => scope !== undefined)
}
