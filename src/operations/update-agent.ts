// update_agent: changes what an agent may be. A smaller ceiling binds every live grant at once and for
// good; a larger one widens none.

import * as z from 'zod'
import type { Agent } from '../core/agent.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes, setCovers } from '../core/scope.ts'
import type { ScopeSet } from '../core/scope.ts'
import { putAgent } from '../store/agents.ts'
import { insertRevocation } from '../store/revocations.ts'
import { agentRecordOf, agentRecordShape } from './agent-record.ts'
import * as field from './fields.ts'
import { requireWayIn } from './last-admin.ts'
import { findAgent, may, requirePermission, requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { parseWanted } from './scopes.ts'
import { requireCover } from './stronger.ts'

export const updateAgent = defineOperation({
  name: 'update_agent',
  title: 'Update an agent',
  summary: 'Changes description, owner, ceiling, sensitivity, auth_methods or rotation_days.',
  permission: 'agents:update',
  effect: 'write',
  spendsUse: true,
  input: z.object({
    agent: field.agentRef,
    description: field.freeText.optional(),
    owner: field.saying.optional(),
    ceiling: field.scopes.optional(),
    sensitivity: field.sensitivity.optional(),
    auth_methods: field.methods.optional(),
    rotation_days: z.int().min(1).max(3650).optional(),
  }),
  output: z.object({ ...agentRecordShape, dry_run: z.boolean().optional() }),
  handle: async (input, call) => {
    const { context } = call
    const agent = agentToChange(call, input.agent, 'update')
    requireCover(call, context.live.ceilingOf(agent), 'agent')
    const ceiling = newCeiling(call, agent, input.ceiling)
    const changed: Agent = {
      ...agent,
      description: input.description ?? agent.description,
      owner: input.owner ?? agent.owner,
      ceiling: ceiling ?? agent.ceiling,
      sensitivity: input.sensitivity ?? agent.sensitivity,
      authMethods: [...new Set(input.auth_methods ?? agent.authMethods)],
      rotationDays: input.rotation_days ?? agent.rotationDays,
      version: agent.version + 1,
    }
    const { authMethods, sensitivity } = changed
    const isSameWayIn = input.auth_methods === undefined && input.sensitivity === undefined
    const held = isSameWayIn ? undefined : requireWayIn(call, agent, { authMethods, sensitivity })
    const isCut = ceiling !== undefined && !agent.ceiling.every((old) => setCovers(ceiling, old))
    const cut = {
      orgId: agent.orgId,
      kind: 'ceiling' as const,
      target: agent.id,
      within: [],
      scopes: changed.ceiling,
      cause: 'ceiling changed',
      at: call.now,
    }
    return {
      result: { ...(await agentRecordOf(call, changed)), ...(call.dryRun && { dry_run: true }) },
      writes: [
        ...(held?.writes ?? []),
        putAgent(changed),
        ...(isCut ? [insertRevocation(cut)] : []),
      ],
      ...(held !== undefined && { guard: held.guard }),
      target: agent.id,
      detail: {
        changed: Object.keys(input).filter((name) => name !== 'agent'),
        ...(ceiling !== undefined && { ceiling: formatScopes(ceiling) }),
      },
    }
  },
  repeat: (recorded, { agent }, call) => {
    agentToChange(call, agent, 'update')
    return { result: recorded }
  },
})

/**
 * The agent meant, where the caller may change it: by permission on it, under a root or credential. What
 * is missing is told in the words of the call, so that known and unknown names answer alike.
 */
export function agentToChange(call: Call, ref: string, operation: 'update' | 'suspend'): Agent {
  const agent = findAgent(call, ref)
  const isPermitted = agent !== undefined && may(call, `agents/${agent.name}:${operation}`)
  if (!isPermitted) {
    const path = isId('agt', ref) ? '' : `/${ref}`
    requirePermission(call, `agents${path}:${operation}`)
    throw unknown('agent')
  }
  requireRootOrCredential(call)
  return agent
}

/** Old and new ceiling must both be covered; the computed one cannot be set (authority: rules 5, 6). */
function newCeiling(
  call: Call,
  agent: Agent,
  texts: readonly string[] | undefined,
): ScopeSet | undefined {
  if (texts === undefined) return undefined
  if (agent.computedCeiling) {
    throw new Refusal('conflict', { message: 'The ceiling of this agent is computed.' })
  }
  const ceiling = parseWanted(call, texts, 'ceiling')
  requireCover(call, ceiling, 'ceiling')
  return ceiling
}
