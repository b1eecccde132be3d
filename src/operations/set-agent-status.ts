// set_agent_status: suspending ends every grant of an agent and all below, for good; making it active
// again lets it start anew. Retired is final.

import * as z from 'zod'
import type { Agent } from '../core/agent.ts'
import { Refusal } from '../core/refusal.ts'
import type { Revocation } from '../core/revocation.ts'
import { putAgent } from '../store/agents.ts'
import { insertRevocation } from '../store/revocations.ts'
import { whatEnded } from './ended-by.ts'
import * as field from './fields.ts'
import { requireOtherAdmin } from './last-admin.ts'
import { defineOperation } from './operation.ts'
import { requireCover } from './stronger.ts'
import { agentToChange } from './update-agent.ts'

export const setAgentStatus = defineOperation({
  name: 'set_agent_status',
  title: 'Suspend, reactivate or retire an agent',
  summary: 'Suspending ends its grants and all below at once; retired is final.',
  permission: 'agents:suspend',
  effect: 'destroy',
  spendsUse: true,
  input: z.object({
    agent: field.agentRef,
    status: field.status,
    cause: field.cause,
    count: z.boolean().optional(),
  }),
  output: z.object({
    status: field.status,
    grants_affected: z.int().optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async ({ agent: ref, status, cause, count }, call) => {
    const agent = agentToChange(call, ref, 'suspend')
    const dry = call.dryRun ? { dry_run: true } : {}
    if (agent.status === 'retired' && status !== 'retired') {
      throw new Refusal('conflict', { message: 'A retired agent stays retired.' })
    }
    if (status !== 'suspended') requireCover(call, call.context.live.ceilingOf(agent), 'agent')
    const about = { target: agent.id, detail: { status, cause } }
    const cut: Omit<Revocation, 'seq'> = {
      orgId: agent.orgId,
      kind: 'agent',
      target: agent.id,
      within: [],
      cause,
      at: call.now,
    }
    const wantsCount = count === true || call.dryRun
    const counted = wantsCount && status !== 'active' && agent.status === 'active'
    const affected = counted ? (await whatEnded(call, cut)).grants_ended : 0
    const result = { status, ...(wantsCount && { grants_affected: affected }), ...dry }
    if (agent.status === status) return { result, ...about }
    const held = status === 'active' ? undefined : requireOtherAdmin(call, agent)
    const changed: Agent = { ...agent, status, version: agent.version + 1 }
    const writes = [putAgent(changed), ...(status === 'active' ? [] : [insertRevocation(cut)])]
    return { result, writes, ...about, ...(held !== undefined && { guard: held.guard }) }
  },
  repeat: (recorded, { agent }, call) => {
    agentToChange(call, agent, 'suspend')
    return { result: recorded }
  },
})
