// Scopes in arguments: parsed all together, so that every bad one is named, and only of types and
// operations that are registered.

import { Refusal } from '../core/refusal.ts'
import type { Failure } from '../core/refusal.ts'
import { isRegistered } from '../core/registered.ts'
import { parseScope } from '../core/scope.ts'
import type { Scope, ScopeSet } from '../core/scope.ts'
import type { Call } from './operation.ts'

/** Parses scopes without repetition; refuses `invalid_scope` naming each bad one by its place. */
export function parseWanted(call: Call, texts: readonly string[], dimension = 'scopes'): ScopeSet {
  const scopes: Scope[] = []
  const failures: Failure[] = []
  for (const [i, text] of texts.entries()) {
    const scope = parseScope(text)
    const flaw = scope === undefined ? 'is not a scope' : flawOf(call, scope)
    if (flaw !== undefined) {
      failures.push({ code: 'invalid_scope', dimension: `${dimension}.${i}`, asked: flaw })
    } else if (scope !== undefined && !scopes.some((known) => known.text === scope.text)) {
      scopes.push(scope)
    }
  }
  if (failures.length > 0) {
    throw new Refusal('invalid_scope', {
      failures,
      remedy: {
        text: 'Scopes look like type/segment/**:operation; see what is registered.',
        operation: 'list_resource_types',
      },
    })
  }
  return scopes
}

/** Why a well-formed scope names nothing here; `undefined` when it does. */
export function flawOf({ caller, context: { live } }: Call, scope: Scope): string | undefined {
  const names = () =>
    [...live.resourceTypes.values()]
      .filter((type) => type.orgId === caller.orgId)
      .map((type) => type.type)
  const registered = isRegistered(scope, caller.orgId, live, names)
  if (registered.ok) return undefined
  const near = registered.nearest === undefined ? '' : `; nearest: ${registered.nearest}`
  return `${registered.what} is not registered${near}`
}
