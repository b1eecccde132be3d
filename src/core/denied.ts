// Whether a deny-list ends a token, or narrows it: liveness and authority as far as they can be told from
// the claims and the list alone. Looks from the root down, as liveness does.

import type { DenyEntry } from './deny-list.ts'
import { taskAndAncestors } from './name.ts'
import type { RefusalCode } from './refusal.ts'
import { covers, parseScope, parseScopes } from './scope.ts'
import type { Scope, ScopeSet } from './scope.ts'
import type { AccessTokenClaims } from './token-claims.ts'

/** Entries by what they deny, as `keyOf` names it. */
export type DenyIndex = ReadonlyMap<string, readonly DenyEntry[]>

export interface Denial {
  readonly code: Extract<RefusalCode, 'invalid_token' | 'ancestor_revoked' | 'agent_suspended'>
  readonly kind: DenyEntry['kind']
  /** The grant or agent that is the reason, for the log: its holder may not learn more than its own. */
  readonly at: string
}

export const keyOf = ({ kind, id }: Pick<DenyEntry, 'kind' | 'id'>): string => `${kind}:${id}`

/** Why a token counts for nothing; `undefined` says that the list does not end it. */
export function denialOf(
  claims: AccessTokenClaims,
  kid: string,
  denied: DenyIndex,
): Denial | undefined {
  const { jti, remit } = claims
  const own = { code: 'invalid_token', at: remit.grant } as const
  for (const [kind, id] of [
    ['token', jti],
    ['key', kid],
  ] as const) {
    if (denied.has(keyOf({ kind, id }))) return { ...own, kind }
  }
  const ids = [...remit.lineage, remit.grant]
  for (const [i, grant] of ids.entries()) {
    const hit = entriesOf(claims, i, denied).find(
      (entry) => entry.kind !== 'ceiling' && touches(entry, claims, ids.slice(0, i + 1)),
    )
    if (hit === undefined) continue
    if (hit.kind === 'agent' && hit.status !== undefined) {
      return { code: 'agent_suspended', kind: hit.kind, at: hit.id }
    }
    const code = grant === remit.grant ? 'invalid_token' : 'ancestor_revoked'
    return { code, kind: hit.kind, at: grant }
  }
  return undefined
}

/** What a cut ceiling left to the token, one set for each cut that its chain is under. */
export function boundsOf(claims: AccessTokenClaims, denied: DenyIndex): readonly ScopeSet[] {
  return claims.remit.via.flatMap(({ agent }) =>
    (denied.get(keyOf({ kind: 'ceiling', id: agent })) ?? []).flatMap((entry) =>
      entry.kind === 'ceiling' && touches(entry, claims, [])
        ? [parseScopes(entry.scopes) ?? []]
        : [],
    ),
  )
}

/** Whether a scope of the token means the permission: `*` does not mean what was registered since. */
export function allows(
  granted: Scope,
  permission: Scope,
  claims: AccessTokenClaims,
  denied: DenyIndex,
): boolean {
  if (!covers(granted, permission)) return false
  if (granted.operation !== '*') return true
  const id = `${permission.type}:${permission.operation}`
  return !(denied.get(keyOf({ kind: 'operation', id })) ?? []).some(
    (entry) =>
      entry.kind === 'operation' && entry.org === claims.remit.org && claims.iat <= entry.at,
  )
}

/** Everything whose entry would touch the i-th grant of the chain. */
function entriesOf({ remit }: AccessTokenClaims, i: number, denied: DenyIndex): DenyEntry[] {
  const ids = [...remit.lineage, remit.grant]
  const via = remit.via[i]
  const isOwn = i === remit.lineage.length
  // A parent's task is the child's or one above it, so that the last grant stands for all.
  const tasks = isOwn && remit.task !== undefined ? taskAndAncestors(remit.task) : []
  const keys = [
    keyOf({ kind: 'agent', id: via?.agent ?? '' }),
    keyOf({ kind: 'credential', id: via?.credential ?? '' }),
    keyOf({ kind: 'grant', id: ids[i] ?? '' }),
    keyOf({ kind: 'instance', id: via?.instance ?? '' }),
    ...tasks.map((id) => keyOf({ kind: 'task', id })),
  ]
  return keys.flatMap((key) => denied.get(key) ?? [])
}

/** Where only seconds exist they are inclusive (authority: rule 17). */
function touches(entry: DenyEntry, claims: AccessTokenClaims, down: readonly string[]): boolean {
  if (entry.kind === 'token' || entry.kind === 'key' || entry.kind === 'operation') return false
  if (entry.kind === 'task' && entry.org !== undefined && entry.org !== claims.remit.org)
    return false
  const { within, minted_before: mintedBefore } = entry
  if (within !== undefined) {
    const rootCredential = claims.remit.via[0]?.credential
    if (!within.some((id) => down.includes(id) || id === rootCredential)) return false
  }
  if (mintedBefore !== undefined && claims.iat > mintedBefore) return false
  const isForGood = entry.kind === 'grant' || entry.kind === 'instance' || entry.always === true
  return isForGood || claims.iat <= entry.at
}

/** The scopes of a token; one that does not parse grants nothing at all. */
export const scopesOf = ({ scope }: AccessTokenClaims): ScopeSet =>
  scope.split(' ').every((text) => parseScope(text) !== undefined) ? (parseScopes(scope) ?? []) : []
