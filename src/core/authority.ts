// What a grant may do now: the bounds that every wanted scope must be under. There is one bound for each
// grant of its chain, for the present ceiling of each agent holding one, and for each ceiling that was
// cut since. Bounds only ever narrow, so adding one is always safe.

import type { Grant } from './grant.ts'
import type { Chain } from './liveness.ts'
import { revocationKey, toolTarget } from './revocation.ts'
import { covers, intersect, reduce, setCovers } from './scope.ts'
import type { Scope, ScopeSet } from './scope.ts'
import type { State } from './state.ts'

export interface Bound {
  readonly scopes: ScopeSet
  /** The scopes as people and other servers are told them, where that says more exactly what they mean. */
  readonly told?: ScopeSet
  /** The change up to which `*` as operation knows operations; absent: all that are registered. */
  readonly asOf?: number
  /** The grant or agent this bound belongs to. */
  readonly at: string
  readonly kind: 'grant' | 'ceiling' | 'credential' | 'environment'
}

export interface Authority {
  readonly orgId: string
  readonly chain: Chain
  readonly grant: Grant
  readonly bounds: readonly Bound[]
}

/** The authority of a chain, narrowed further by the bounds of whoever acts under it. */
export function authorityOf(chain: Chain, state: State, further: readonly Bound[] = []): Authority {
  const grant = chain[chain.length - 1] as Grant
  const bounds = [...chain.flatMap((g) => boundsOf(g, state)), ...further]
  return { orgId: grant.orgId, chain, grant, bounds }
}

function boundsOf(grant: Grant, state: State): Bound[] {
  const agent = state.agent(grant.agentId)
  const ceiling = agent === undefined ? [] : state.ceilingOf(agent)
  return [
    ...(grant.standing ? standingBounds(grant, state) : [ownBound(grant, state)]),
    { scopes: ceiling, at: grant.agentId, kind: 'ceiling' },
    ...cutsSince(grant, state),
  ]
}

const ownBound = (grant: Grant, state: State): Bound => ({
  scopes: grant.scopes,
  told: grant.scopes.flatMap((scope) => spelledOut(scope, grant, state)),
  asOf: grant.createdSeq,
  at: grant.id,
  kind: 'grant',
})

/** A scope as it is told once it no longer means all that it says: what it still means. */
const spelledOut = (scope: Scope, grant: Grant, state: State): ScopeSet =>
  scope.type === 'tool' ? toolsLeft(scope, grant, state) : operationsMeant(scope, grant, state)

/** Without the tools that were withdrawn since the grant was made. */
function toolsLeft(scope: Scope, { orgId, createdSeq }: Grant, state: State): ScopeSet {
  const isGone = (tool: Scope) => wasWithdrawn(tool, createdSeq, orgId, state)
  if (isGone(scope)) return []
  const meant = state.tools(orgId).filter((tool) => covers(scope, tool))
  return meant.some(isGone) ? meant.filter((tool) => !isGone(tool)) : [scope]
}

/** `*` once operations were registered that it does not mean. */
function operationsMeant(scope: Scope, { orgId, createdSeq }: Grant, state: State): ScopeSet {
  const operations = state.resourceType(orgId, scope.type)?.operations ?? new Map<string, number>()
  const isOlder = scope.operation === '*' && [...operations.values()].some((at) => at > createdSeq)
  if (!isOlder) return [scope]
  return [...operations]
    .filter(([, since]) => since <= createdSeq)
    .map(([operation]) => ({
      ...scope,
      operation,
      text: `${scope.text.slice(0, scope.text.lastIndexOf(':'))}:${operation}`,
    }))
}

/** A credential's standing root: the credential's scopes and the configured limit, both at use. */
function standingBounds(grant: Grant, state: State): Bound[] {
  const credential = state.credential(grant.credentialId)
  const bounds: Bound[] = []
  if (credential === undefined) bounds.push({ scopes: [], at: grant.agentId, kind: 'credential' })
  if (credential?.scopes !== undefined) {
    bounds.push({ scopes: credential.scopes, at: grant.agentId, kind: 'credential' })
  }
  if (grant.scopeLimit !== undefined) {
    bounds.push({ scopes: grant.scopeLimit, at: grant.agentId, kind: 'environment' })
  }
  return bounds
}

/** Ceilings cut since the grant was made bind it for ever, whatever the ceiling is now. */
function cutsSince(grant: Grant, state: State): Bound[] {
  return state
    .revocations(revocationKey('ceiling', grant.agentId))
    .filter((cut) => cut.seq > grant.createdSeq)
    .map((cut) => ({ scopes: cut.scopes ?? [], at: grant.agentId, kind: 'ceiling' }))
}

/** The first bound that a scope is not under; `undefined` says that it is allowed. */
export const exceeded = (
  bounds: readonly Bound[],
  wanted: Scope,
  orgId: string,
  state: State,
): Bound | undefined => bounds.find((bound) => !isUnder(bound, wanted, orgId, state))

function isUnder(bound: Bound, wanted: Scope, orgId: string, state: State): boolean {
  const { asOf } = bound
  if (asOf !== undefined && wasWithdrawn(wanted, asOf, orgId, state)) return false
  if (asOf === undefined || wanted.operation === '*') return setCovers(bound.scopes, wanted)
  return bound.scopes.some(
    (granted) =>
      covers(granted, wanted) && (granted.operation !== '*' || knownAt(wanted, asOf, orgId, state)),
  )
}

/** Whether a server withdrew this tool since: offered again, it is not given back (authority: rule 16). */
function wasWithdrawn({ type, segments }: Scope, asOf: number, orgId: string, state: State) {
  const [server, tool] = segments
  if (type !== 'tool' || server === undefined || tool === undefined) return false
  const key = revocationKey('tool', toolTarget(orgId, server, tool))
  return state.revocations(key).some(({ seq }) => seq > asOf)
}

/** `*` as operation in a grant means the operations registered when it was minted. */
function knownAt(wanted: Scope, asOf: number, orgId: string, state: State): boolean {
  const since = state.resourceType(orgId, wanted.type)?.operations.get(wanted.operation)
  return since !== undefined && since <= asOf
}

const foldLimit = 1024

/** All bounds folded into one set, for people to read; decisions use the bounds themselves. */
export const effectiveScopes = ({ bounds }: Authority): ScopeSet =>
  folded(
    bounds.map(({ scopes, told }) => told ?? scopes),
    wholeMembers,
  )

/** No less than what it may do, where the other is no more: for what must be covered whole. */
export const widestScopes = ({ bounds }: Authority): ScopeSet =>
  folded(
    bounds.map(({ scopes }) => scopes),
    (scopes) => scopes,
  )

function folded(
  sets: readonly ScopeSet[],
  tooMany: (scopes: ScopeSet, bound: ScopeSet) => ScopeSet,
): ScopeSet {
  const [first, ...others] = sets
  if (first === undefined) return []
  return others.reduce((scopes, bound) => {
    if (scopes.every((scope) => setCovers(bound, scope))) return scopes
    if (scopes.length * bound.length <= foldLimit) return intersect(scopes, bound)
    return tooMany(scopes, bound)
  }, first)
}

/** The members of either set that the other covers; what only overlaps is left out. */
const wholeMembers = (a: ScopeSet, b: ScopeSet): ScopeSet =>
  reduce([...a.filter((scope) => setCovers(b, scope)), ...b.filter((scope) => setCovers(a, scope))])
