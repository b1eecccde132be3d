// The attenuation rule: a child is a subset of its parent in every dimension, and no dimension can be
// widened by leaving it out. All failures are reported, in the order of the list below. Roots are made
// by the same rules from the authority of a credential, whose excess is told as `exceeds_ceiling`.

import { exceeded } from './authority.ts'
import type { Authority } from './authority.ts'
import type { Agent } from './agent.ts'
import { hardMaxDepth } from './grant.ts'
import type { Grant, Protection } from './grant.ts'
import { isSubtask } from './name.ts'
import type { Failure } from './refusal.ts'
import { parseScope, setCovers } from './scope.ts'
import type { Scope, ScopeSet } from './scope.ts'
import type { State } from './state.ts'

/** What is asked for; absent members take the lesser of their default and the parent's value. */
export interface Wanted {
  readonly scopes: ScopeSet
  /** Server ids, all known and active. */
  readonly audience?: readonly string[]
  /** Seconds for which the grant shall live. */
  readonly grantTtl: number
  readonly maxDepth?: number
  readonly uses?: number
  readonly task?: string
  readonly require?: readonly Protection[]
  readonly binding?: string
  readonly onExcess: 'refuse' | 'narrow'
}

/** Where it comes from: a parent grant (a child results) or a credential (a root results). */
export interface Source {
  readonly kind: 'parent' | 'credential'
  readonly authority: Authority
  /** Server ids; computed by the caller for a standing root. */
  readonly audience: readonly string[]
  readonly usesLeft?: number
  /** Whether as many grants hang below it as may. */
  readonly isFull?: boolean
}

export interface Receiver {
  readonly agent: Agent
  readonly ceiling: ScopeSet
}

/** The dimensions of the new grant; who holds it and how it is named is the operation's matter. */
export type Attenuated = Pick<
  Grant,
  'scopes' | 'audience' | 'depth' | 'maxDepth' | 'uses' | 'task' | 'require' | 'binding'
> & { readonly expiresAt: number; readonly dropped: readonly string[] }

export type Attenuation =
  | { readonly ok: true; readonly grant: Attenuated }
  | { readonly ok: false; readonly failures: readonly [Failure, ...Failure[]] }

const defaultMaxDepth = 5

/** Decides one delegation, or one root; refuses with every dimension that goes too far. */
export function attenuate(
  source: Source,
  receiver: Receiver,
  wanted: Wanted,
  state: State,
  thisServer: string,
  now: number,
): Attenuation {
  const parent = source.kind === 'parent' ? source.authority.grant : undefined
  const narrowed = narrow(source, receiver, wanted, state)
  const failures = [
    ...narrowed.failures,
    ...organisationFailures(source, receiver),
    ...taskFailures(parent, wanted),
    ...audienceFailures(source, wanted, state, thisServer),
    ...depthFailures(parent, wanted),
    ...usesFailures(source, wanted),
    ...protectionFailures(parent, wanted),
    ...permissionFailures(source, receiver, state),
    ...(source.isFull === true ? [tooManyBelow(source.authority.grant.id)] : []),
  ]
  if (isNonEmpty(failures)) return { ok: false, failures }
  const depth = parent === undefined ? 0 : parent.depth + 1
  const parentMaxDepth = parent?.maxDepth ?? hardMaxDepth
  const fallback = Math.max(depth, Math.min(defaultMaxDepth, parentMaxDepth))
  return {
    ok: true,
    grant: {
      scopes: narrowed.scopes,
      dropped: narrowed.dropped,
      audience: wanted.audience ?? defaultAudience(source.audience, thisServer),
      depth,
      maxDepth: wanted.maxDepth ?? fallback,
      uses: wanted.uses ?? source.usesLeft,
      task: wanted.task ?? parent?.task,
      require: wanted.require ?? parent?.require ?? [],
      binding: wanted.binding,
      expiresAt: Math.min(now + wanted.grantTtl, parent?.expiresAt ?? Number.MAX_SAFE_INTEGER),
    },
  }
}

/** Scopes under the source and under the receiver's ceiling; `narrow` drops whole scopes only. */
function narrow({ kind, authority }: Source, receiver: Receiver, wanted: Wanted, state: State) {
  const { grant, bounds, orgId } = authority
  const abroad = wanted.scopes.filter((s) => exceeded(bounds, s, orgId, state) !== undefined)
  const high = wanted.scopes.filter((s) => !setCovers(receiver.ceiling, s))
  const kept = wanted.scopes.filter((s) => !abroad.includes(s) && !high.includes(s))
  const dropped = wanted.scopes.filter((s) => !kept.includes(s)).map((s) => s.text)
  if (kept.length > 0 && (dropped.length === 0 || wanted.onExcess === 'narrow')) {
    return { scopes: kept, dropped, failures: [] }
  }
  const failures: Failure[] = []
  if (wanted.scopes.length === 0) {
    failures.push({ code: 'invalid_scope', dimension: 'scopes', asked: [] })
  }
  if (abroad.length > 0) {
    const code = kind === 'parent' ? 'exceeds_parent' : 'exceeds_ceiling'
    const missing_at = kind === 'parent' ? grant.id : grant.agentId
    failures.push({ code, dimension: 'scopes', asked: textsOf(abroad), missing_at })
  }
  if (high.length > 0 && !(kind === 'credential' && abroad.length > 0)) {
    const missing_at = receiver.agent.id
    const asked = textsOf(high)
    failures.push({ code: 'exceeds_ceiling', dimension: 'ceiling', asked, missing_at })
  }
  return { scopes: [], dropped: [], failures }
}

function organisationFailures({ authority }: Source, { agent }: Receiver): Failure[] {
  const { grant, orgId: allowed } = authority
  if (agent.orgId === allowed) return []
  const asked = agent.id
  const missing_at = grant.id
  return [{ code: 'exceeds_parent', dimension: 'organisation', asked, allowed, missing_at }]
}

function taskFailures(parent: Grant | undefined, { task }: Wanted): Failure[] {
  if (parent?.task === undefined || task === undefined || isSubtask(task, parent.task)) return []
  return [
    {
      code: 'task_mismatch',
      dimension: 'task',
      asked: task,
      allowed: parent.task,
      missing_at: parent.id,
    },
  ]
}

/** An audience is this server or an active one of the same organisation. */
function audienceFailures(
  source: Source,
  { audience }: Wanted,
  state: State,
  thisServer: string,
): Failure[] {
  const { grant, orgId } = source.authority
  const unknown = (audience ?? []).filter((id) => {
    const server = state.server(id)
    const isOurs = id === thisServer || server?.orgId === orgId
    return !isOurs || server?.status !== 'active'
  })
  const wide = (audience ?? []).filter(
    (id) => !unknown.includes(id) && !source.audience.includes(id),
  )
  const failures: Failure[] = []
  if (unknown.length > 0 || audience?.length === 0) {
    failures.push({ code: 'invalid_target', dimension: 'audience', asked: unknown })
  }
  if (wide.length > 0 || (audience === undefined && source.audience.length === 0)) {
    const missing_at = grant.id
    const asked = wide
    failures.push({ code: 'exceeds_parent', dimension: 'audience', asked, missing_at })
  }
  return failures
}

const defaultAudience = (audience: readonly string[], thisServer: string): readonly string[] =>
  audience.includes(thisServer) ? [thisServer] : audience

function depthFailures(parent: Grant | undefined, { maxDepth }: Wanted): Failure[] {
  if (parent === undefined) return []
  const failures: Failure[] = []
  const { id: missing_at, maxDepth: allowed } = parent
  if (parent.depth + 1 > allowed) {
    const asked = parent.depth + 1
    failures.push({ code: 'depth_exhausted', dimension: 'depth', asked, allowed, missing_at })
  }
  if (maxDepth !== undefined && maxDepth > allowed) {
    const asked = maxDepth
    failures.push({ code: 'exceeds_parent', dimension: 'max_depth', asked, allowed, missing_at })
  }
  if (maxDepth !== undefined && maxDepth < parent.depth + 1) {
    const asked = maxDepth
    failures.push({ code: 'depth_exhausted', dimension: 'max_depth', asked, allowed, missing_at })
  }
  return failures
}

function usesFailures({ authority, usesLeft }: Source, { uses }: Wanted): Failure[] {
  if (usesLeft === undefined) return []
  const missing_at = authority.grant.id
  const asked = uses ?? 1
  if (usesLeft <= 0) {
    return [{ code: 'uses_exhausted', dimension: 'uses', asked, allowed: 0, missing_at }]
  }
  if (asked <= usesLeft) return []
  return [{ code: 'exceeds_parent', dimension: 'uses', asked, allowed: usesLeft, missing_at }]
}

function protectionFailures(parent: Grant | undefined, wanted: Wanted): Failure[] {
  if (parent === undefined) return []
  const failures: Failure[] = []
  const missing_at = parent.id
  if (parent.binding !== undefined && wanted.binding === undefined) {
    const code = 'binding_downgrade'
    failures.push({ code, dimension: 'binding', asked: null, missing_at })
  }
  const asked = wanted.require ?? parent.require
  const allowed = parent.require
  if (!allowed.every((protection) => asked.includes(protection))) {
    failures.push({ code: 'exceeds_parent', dimension: 'require', asked, allowed, missing_at })
  }
  return failures
}

/** To delegate one must hold `tokens:delegate`, or `tokens/<receiver>:delegate`. */
function permissionFailures({ kind, authority }: Source, { agent }: Receiver, state: State) {
  if (kind === 'credential') return []
  const needed = parseScope(`tokens/${agent.name}:delegate`)
  const { bounds, orgId, grant } = authority
  if (needed !== undefined && exceeded(bounds, needed, orgId, state) === undefined) return []
  const asked = 'tokens:delegate'
  const code = 'insufficient_scope'
  return [{ code, dimension: 'permission', asked, missing_at: grant.id }] satisfies Failure[]
}

/** A grant that has as many below it as may be. */
export const tooManyBelow = (missing_at: string): Failure => ({
  code: 'rate_limited',
  dimension: 'children',
  asked: 1,
  missing_at,
})

const textsOf = (scopes: readonly Scope[]): string[] => scopes.map((s) => s.text)

const isNonEmpty = (failures: readonly Failure[]): failures is readonly [Failure, ...Failure[]] =>
  failures.length > 0
