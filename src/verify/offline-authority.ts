// What a verified token allows, decided without asking Remit: one of its scopes covers the permission, and so
// does everything that is left of the ceilings cut since it was issued.

import type { Decision } from '../core/decision.ts'
import { allows, boundsOf, scopesOf } from '../core/denied.ts'
import type { DenyIndex } from '../core/denied.ts'
import { isPermission, parseScope, setCovers } from '../core/scope.ts'
import type { Scope } from '../core/scope.ts'
import type { AccessTokenClaims } from '../core/token-claims.ts'

/** Who is calling, under which grant, and what they may do; good for this one request. */
export interface OfflineAuthority {
  /** Absent where Remit was asked. */
  readonly org_id?: string
  /** The agent of the root grant, for whom all this is done. */
  readonly subject_id: string
  /** The agent that holds the token. */
  readonly agent_id: string
  readonly instance_id?: string
  readonly grant_id: string
  /** Grants above it, root first. */
  readonly lineage: readonly string[]
  readonly token_id?: string
  readonly task?: string
  readonly scopes: readonly string[]
  readonly expires_at: number
  /** Whether a permission is covered, with what is missing and what would mend it. */
  may(permission: string): Decision
}

export function offlineAuthority(claims: AccessTokenClaims, denied: DenyIndex): OfflineAuthority {
  const { remit, sub, client_id, jti, exp } = claims
  const scopes = scopesOf(claims)
  const bounds = boundsOf(claims, denied)
  const instance = remit.via.at(-1)?.instance
  return {
    org_id: remit.org,
    subject_id: sub,
    agent_id: client_id,
    ...(instance !== undefined && { instance_id: instance }),
    grant_id: remit.grant,
    lineage: remit.lineage,
    token_id: jti,
    ...(remit.task !== undefined && { task: remit.task }),
    scopes: scopes.map(({ text }) => text),
    expires_at: exp,
    may(permission) {
      const wanted = parseScope(permission)
      if (wanted === undefined || !isPermission(wanted)) return malformed(permission)
      const matched = scopes.find((scope) => allows(scope, wanted, claims, denied))
      if (matched === undefined || !bounds.every((bound) => setCovers(bound, wanted))) {
        return missing(wanted, { agent: client_id, grant: remit.grant })
      }
      return { permission, allowed: true, code: 'allowed', matched_scope: matched.text }
    },
  }
}

export const malformed = (permission: string): Decision => ({
  permission,
  allowed: false,
  code: 'invalid_scope',
  remedy: { text: 'This is not a permission: type/segment:operation, no wildcards.' },
})

export const missing = (
  { text }: Scope,
  { agent, grant }: { readonly agent: string; readonly grant: string },
): Decision => ({
  permission: text,
  allowed: false,
  code: 'insufficient_scope',
  missing_at: grant,
  remedy: {
    text: 'Ask whoever delegated this grant for one that covers what is missing.',
    operation: 'delegate_token',
    arguments: { to: agent, scopes: [text] },
  },
})
