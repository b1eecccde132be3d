// What was allowed, and the dated proofs of it. Both records are written once and never changed: what
// ends them are revocations, the clock, and the agents and credentials they come from.

import type { ScopeSet } from './scope.ts'

export const protections = ['pop', 'signed_request', 'approval'] as const
export type Protection = (typeof protections)[number]

export const hardMaxDepth = 16

export interface Grant {
  readonly id: string
  readonly orgId: string
  readonly agentId: string
  readonly instanceId?: string
  readonly instanceLabel?: string
  readonly parentId?: string
  /** All ancestors, root first, parent last; empty for a root. */
  readonly lineage: readonly string[]
  readonly scopes: ScopeSet
  /** Server ids; a standing root's audience is computed at use and recorded as empty. */
  readonly audience: readonly string[]
  /** Absent only for a standing root. */
  readonly expiresAt?: number
  readonly depth: number
  readonly maxDepth: number
  /** How many uses it was given; how many are left is counted in the store. */
  readonly uses?: number
  readonly task?: string
  readonly require: readonly Protection[]
  /** The key that its tokens are bound to, as `binding.ts` spells it. */
  readonly binding?: string
  /** The credential that was presented when it was made. */
  readonly credentialId: string
  /** The root under which a credential's own calls run: scopes and audience computed at use. */
  readonly standing: boolean
  readonly scopeLimit?: ScopeSet
  /** The newest change known when it was decided: any later restriction of its chain ends it. */
  readonly createdSeq: number
  readonly createdAt: number
}

export interface Token {
  /** `jti`. */
  readonly id: string
  readonly orgId: string
  readonly grantId: string
  /** The credential it was obtained with; if that is revoked, the token is dead. */
  readonly credentialId: string
  /** Server id of the one audience it is for. */
  readonly audience: string
  readonly kind: 'jwt' | 'opaque'
  /** SHA-256 of the claims for a JWT, keyed hash of the whole token for an opaque one. */
  readonly hash: string
  /** The signing key, for a JWT. */
  readonly keyId?: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly createdSeq: number
}

/** Root of the chain a grant belongs to. */
export const rootOf = (grant: Grant): string => grant.lineage[0] ?? grant.id
