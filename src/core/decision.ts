// "May I?", answered with a reason. A decision is a value: it never throws and never says no without
// saying what is missing, where, and what would mend it.

import { exceeded } from './authority.ts'
import type { Authority, Bound } from './authority.ts'
import type { RefusalCode, Remedy } from './refusal.ts'
import { setCovers } from './scope.ts'
import type { Scope } from './scope.ts'
import type { State } from './state.ts'

export interface Decision {
  readonly permission: string
  readonly allowed: boolean
  readonly code: 'allowed' | RefusalCode
  readonly matched_scope?: string
  readonly missing_at?: string
  readonly remedy?: Remedy
}

/** Whether a live authority allows one registered permission, at present. */
export function decide(permission: Scope, authority: Authority, state: State): Decision {
  const bound = exceeded(authority.bounds, permission, authority.orgId, state)
  if (bound === undefined) {
    return {
      permission: permission.text,
      allowed: true,
      code: 'allowed',
      matched_scope: matchedScope(permission, authority, state),
    }
  }
  const missing_at = placeOf(bound, authority)
  const remedy = remedyFor(bound, [permission.text], authority, state)
  const code = 'insufficient_scope'
  return { permission: permission.text, allowed: false, code, missing_at, remedy }
}

/** The member of the grant, or of the ceiling of a standing root, that covers the permission. */
function matchedScope(permission: Scope, { grant, bounds }: Authority, state: State): string {
  const agent = state.agent(grant.agentId)
  const ceiling = agent === undefined ? [] : state.ceilingOf(agent)
  const own = grant.standing ? ceiling : grant.scopes
  const sets = [own, ...bounds.map((bound) => bound.scopes)]
  const set = sets.find((scopes) => setCovers(scopes, permission)) ?? []
  return set.find((scope) => setCovers([scope], permission))?.text ?? permission.text
}

/** What a caller may learn: its own grant or its own agent, never what lies above. */
export const placeOf = (bound: Bound, { grant }: Authority): string =>
  bound.at === grant.agentId ? grant.agentId : grant.id

/** What would give the missing scopes, as the call that does it. */
function remedyFor(
  bound: Bound,
  missing: readonly string[],
  { grant }: Authority,
  state: State,
): Remedy {
  const name = state.agent(grant.agentId)?.name ?? grant.agentId
  if (bound.kind === 'ceiling' && bound.at === grant.agentId) {
    return {
      text: `The ceiling of agent ${name} does not cover this: whoever may update the agent can raise it; grants made before stay as they are.`,
      operation: 'update_agent',
    }
  }
  // Only under a standing root is the credential one's own; a child is not told of its root's.
  if (bound.kind === 'credential' && grant.standing) {
    return { text: 'The credential presented is narrower: use one whose scopes cover this.' }
  }
  if (bound.kind === 'environment' && grant.standing) {
    return { text: 'REMIT_SCOPES limits this process: start it with scopes that cover this.' }
  }
  return {
    text: 'Ask whoever delegated this grant for one that covers what is missing.',
    operation: 'delegate_token',
    arguments: { to: name, scopes: missing },
  }
}
