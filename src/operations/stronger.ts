// Stronger: an agent whose ceiling the caller's live authority does not cover. Toward such a caller may
// only restrict; what it creates or changes must be covered by its own (authority: rule 5, law 9).

import { exceeded, widestScopes } from '../core/authority.ts'
import type { Authority, Bound } from '../core/authority.ts'
import type { Agent } from '../core/agent.ts'
import type { Credential } from '../core/credential.ts'
import { placeOf } from '../core/decision.ts'
import { Refusal } from '../core/refusal.ts'
import type { Scope, ScopeSet } from '../core/scope.ts'
import type { Call } from './operation.ts'

/** The scopes that the acting authority does not cover, each with what bounds it there. */
function uncovered(
  { caller, context: { live } }: Call,
  scopes: ScopeSet,
  bounds = caller.acting.bounds,
): readonly Uncovered[] {
  const { orgId } = caller.acting
  const operationsOf = (type: string) => live.resourceType(orgId, type)?.operations.keys() ?? []
  return scopes.flatMap((scope) => {
    const bound = [scope, ...spelledOut(scope, operationsOf(scope.type))]
      .map((each) => exceeded(bounds, each, orgId, live))
      .find((each) => each !== undefined)
    return bound === undefined ? [] : [{ scope: scope.text, bound }]
  })
}

interface Uncovered {
  readonly scope: string
  readonly bound: Bound
}

/** `*` in a ceiling means every operation there is, in an older grant only those it knew. */
const spelledOut = (scope: Scope, operations: Iterable<string>): Scope[] =>
  scope.operation === '*' ? [...operations].map((operation) => ({ ...scope, operation })) : []

export const isStronger = (call: Call, agent: Agent): boolean =>
  uncovered(call, call.context.live.ceilingOf(agent)).length > 0

/** Refuses `exceeds_ceiling` where scopes go beyond the caller's own authority. */
export function requireCover(call: Call, scopes: ScopeSet, dimension: string): void {
  const beyond = uncovered(call, scopes)
  const [first] = beyond
  if (first === undefined) return
  const missing = beyond.map(({ scope }) => scope)
  const missing_at = placeOf(first.bound, call.caller.acting)
  throw new Refusal('exceeds_ceiling', {
    message: 'This goes beyond your own authority.',
    missing,
    missing_at,
    failures: [{ code: 'exceeds_ceiling', dimension, asked: missing, missing_at }],
    remedy: { text: 'Ask an agent whose authority covers this, or ask for less.' },
  })
}

/**
 * The same of what a grant may do, which is no more than any one of its bounds. What is told of it may be less:
 * lists too long to be folded leave out what only overlaps.
 */
export function requireCoverOfGrant(call: Call, authority: Authority): void {
  const widest = widestScopes(authority)
  const most = [widest, ...authority.bounds.map(({ scopes }) => scopes)]
  const covers = (bound: Bound) =>
    most.some((scopes) => uncovered(call, scopes, [bound]).length === 0)
  if (!call.caller.acting.bounds.every(covers)) requireCover(call, widest, 'scopes')
}

/** What a credential can do at most: its own scopes, or the whole ceiling of its agent. */
export const reachOf = ({ context: { live } }: Call, agent: Agent, scopes?: ScopeSet): ScopeSet =>
  scopes ?? live.ceilingOf(agent)

/** When what the caller came with ends: what it makes for its own agent ends no later. */
export function callersEnd({ caller, context: { live } }: Call): number | undefined {
  const ends = [live.credential(caller.credentialId)?.expiresAt, caller.acting.grant.expiresAt]
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** Whether receiving this credential's secret would hand the caller's own agent more than it has. */
export function requireNotMore(call: Call, agent: Agent, credential: Credential): void {
  requireCover(call, reachOf(call, agent, credential.scopes), 'credential')
  const end = callersEnd(call)
  if (end === undefined || (credential.expiresAt ?? Number.MAX_SAFE_INTEGER) <= end) return
  throw new Refusal('exceeds_ceiling', {
    message: 'That credential outlives the one presented.',
    missing_at: agent.id,
    remedy: { text: 'Call with a credential that lives as long.' },
  })
}
