// Restrictions: one row each, whatever the size of what they end. A row never goes away and binds what
// existed when it was written; what is granted later is not touched by a cutoff.

import { taskAndAncestors } from './name.ts'
import type { Grant } from './grant.ts'
import type { ScopeSet } from './scope.ts'

export const revocationKinds = [
  'grant',
  'instance',
  'agent',
  'credential',
  'task',
  'ceiling',
  'server',
  'tool',
  'key',
] as const
export type RevocationKind = (typeof revocationKinds)[number]

export interface Revocation {
  readonly seq: number
  readonly orgId: string
  readonly kind: RevocationKind
  readonly target: string
  /** Only what hangs below this grant, or below roots made with one of these credentials. */
  readonly within: readonly string[]
  /** Only what was minted at or before this second. */
  readonly mintedBefore?: number
  /** The ceiling that was left, for kind `ceiling`. */
  readonly scopes?: ScopeSet
  readonly cause: string
  readonly at: number
  /** It was tampered with: only its key is believed, and ends whatever it could have meant. */
  readonly damaged?: true
}

/** Under which key a restriction is found and a statement can ask for newer ones. */
export const revocationKey = (kind: RevocationKind, target: string): string => `${kind}:${target}`

/** What a tool is restricted under; the names of servers are never given away again. */
export const toolTarget = (orgId: string, server: string, tool: string): string =>
  `${orgId}/${server}/${tool}`

/** Everything whose restriction would touch this one grant, its ancestors aside. */
export function keysOf(grant: Grant): string[] {
  const keys = [
    revocationKey('grant', grant.id),
    revocationKey('agent', grant.agentId),
    revocationKey('ceiling', grant.agentId),
    revocationKey('credential', grant.credentialId),
  ]
  if (grant.instanceId !== undefined) keys.push(revocationKey('instance', grant.instanceId))
  for (const task of grant.task === undefined ? [] : taskAndAncestors(grant.task)) {
    keys.push(revocationKey('task', task))
  }
  return keys
}

/**
 * Whether a restriction found under one of the grant's keys ends it. Grants and instances end for good;
 * agent, credential and task end what existed at that change. `ceiling` and `tool` never end, they narrow.
 */
export function ends(revocation: Revocation, grant: Grant, root: Grant): boolean {
  if (revocation.kind === 'ceiling' || revocation.kind === 'tool') return false
  if (revocation.orgId !== grant.orgId && revocation.damaged !== true) return false
  if (!isWithin(revocation, grant, root)) return false
  const { mintedBefore } = revocation
  if (mintedBefore !== undefined && grant.createdAt > mintedBefore) return false
  if (revocation.kind === 'grant' || revocation.kind === 'instance') return true
  return grant.createdSeq < revocation.seq
}

const isWithin = ({ within }: Revocation, grant: Grant, root: Grant): boolean =>
  within.length === 0 ||
  within.some((id) => id === grant.id || grant.lineage.includes(id) || id === root.credentialId)
