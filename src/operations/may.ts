// The few questions that many operations ask of their call: may it, is it under a root, and which agent
// is meant. What lies outside the caller's organisation does not exist here.

import type { Agent } from '../core/agent.ts'
import { decide } from '../core/decision.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { parseScope } from '../core/scope.ts'
import type { McpServer } from '../core/state.ts'
import type { Call } from './operation.ts'

/** Whether the acting authority covers a permission; a text that is none is covered by nothing. */
export function may({ caller, context }: Call, permission: string): boolean {
  const wanted = parseScope(permission)
  return wanted !== undefined && decide(wanted, caller.acting, context.live).allowed
}

/** Refuses what the acting authority does not cover, saying where it is missing and what would help. */
export function requirePermission(call: Call, permission: string): void {
  const wanted = parseScope(permission)
  if (wanted === undefined) throw new Refusal('insufficient_scope', { missing: [permission] })
  const { allowed, missing_at, remedy } = decide(wanted, call.caller.acting, call.context.live)
  if (allowed) return
  throw new Refusal('insufficient_scope', {
    missing: [permission],
    ...(missing_at !== undefined && { missing_at }),
    ...(remedy !== undefined && { remedy }),
  })
}

/** What outlives a grant is made and changed under a root or by a credential only (authority: 4). */
export function requireRootOrCredential({ caller }: Call): void {
  const { grant } = caller.acting
  if (grant.parentId === undefined) return
  throw new Refusal('exceeds_parent', {
    message: 'What outlives a grant cannot be made or changed under a delegated one.',
    missing_at: grant.id,
    remedy: { text: 'Call with a credential or under a root grant, without act_as.' },
  })
}

/** Keys, server details and whole chains belong to the first organisation (authority: 39). */
export function requireFirstOrg({ caller, context }: Call): void {
  if (caller.orgId === context.self.orgId) return
  throw new Refusal('insufficient_scope', {
    message: 'This belongs to the first organisation of the store.',
    remedy: { text: 'Ask an agent of the first organisation.' },
  })
}

/** An agent of the caller's organisation, by id or name. */
export function findAgent({ caller, context: { live } }: Call, ref: string): Agent | undefined {
  const agent = isId('agt', ref) ? live.agent(ref) : live.agentByName(caller.orgId, ref)
  return agent?.orgId === caller.orgId ? agent : undefined
}

/** Whether an agent is the caller's own: the one whose credential is behind the call. */
export const isOwnAgent = ({ caller, context: { live } }: Call, agent: Agent): boolean =>
  agent.id === caller.agent.id && live.credential(caller.credentialId)?.agentId === agent.id

/** An MCP server of the caller's organisation, by id or name. */
export function findServer(
  { caller, context: { live } }: Call,
  ref: string,
): McpServer | undefined {
  const server = isId('srv', ref) ? live.server(ref) : live.serverByName(caller.orgId, ref)
  return server?.orgId === caller.orgId ? server : undefined
}

/**
 * The agent meant, where `permission` for its name is covered. One that the caller may not even read is
 * as good as unknown; one that it may read says what is missing.
 */
export function permittedAgent(
  call: Call,
  ref: string,
  permission: (name: string) => string,
): Agent {
  const agent = findAgent(call, ref)
  if (agent === undefined) throw unknown('agent')
  if (may(call, permission(agent.name))) return agent
  if (!isOwnAgent(call, agent) && !may(call, `agents/${agent.name}:read`)) {
    throw unknown('agent')
  }
  requirePermission(call, permission(agent.name))
  return agent
}

const lists = {
  agent: 'list_agents',
  server: 'list_mcp_servers',
  credential: 'list_credentials',
  grant: 'delegation_tree',
  token: 'list_tokens',
  anchor: 'list_trust_anchors',
} as const

/** Unknown, foreign and not permitted are told alike (authority: 32). */
export const unknown = (what: keyof typeof lists): Refusal =>
  new Refusal('not_found', {
    message: `No such ${what === 'anchor' ? 'trust anchor' : what} is known to this caller.`,
    remedy: { text: 'See which ones are.', operation: lists[what], arguments: {} },
  })
