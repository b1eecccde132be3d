// The agents of the organisation that the caller may read, oldest first; its own is always among them.

import * as z from 'zod'
import { agentRecord, agentRecordOf, isDueWithin, isStaleFor } from './agent-record.ts'
import type { AgentRecord } from './agent-record.ts'
import { cursor, freeText, limit, status } from './fields.ts'
import { isOwnAgent, may } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

const days = z.int().min(0).max(36_500)
const defaultLimit = 100

const input = z.strictObject({
  status: status.optional(),
  owner: freeText.optional().describe('Exactly this owner.'),
  due_within_days: days.optional().describe('Rotation is due within so many days, or overdue.'),
  stale_days: days.optional().describe('Not seen for so many days.'),
  limit: limit.optional(),
  cursor: cursor('agt').optional(),
})

export const listAgents = defineOperation({
  name: 'list_agents',
  title: 'List agents',
  summary:
    'Agents you may read, with owner, ceiling and rotation dates; filter by status, owner, due or stale.',
  permission: '· / agents:read',
  effect: 'read',
  spendsUse: false,
  input,
  output: z.object({
    agents: z.array(agentRecord),
    next_cursor: z.string().optional(),
  }),
  handle: async (input, call) => {
    const found: AgentRecord[] = []
    const wanted = (input.limit ?? defaultLimit) + 1
    for (const agent of readable(call, input.cursor ?? '')) {
      if (input.status !== undefined && agent.status !== input.status) continue
      if (input.owner !== undefined && agent.owner !== input.owner) continue
      const record = await agentRecordOf(call, agent)
      if (fits(record, input, call.now)) found.push(record)
      if (found.length === wanted) break
    }
    const agents = found.slice(0, wanted - 1)
    const last = agents.at(-1)
    const hasMore = found.length === wanted && last !== undefined
    return { result: { agents, ...(hasMore && { next_cursor: last.id }) } }
  },
})

function readable(call: Call, after: string) {
  const { caller, context } = call
  const mayAll = may(call, 'agents:read')
  return [...context.live.agents.values()]
    .filter(({ id, orgId }) => orgId === caller.orgId && id > after)
    .filter((agent) => mayAll || isOwnAgent(call, agent) || may(call, `agents/${agent.name}:read`))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function fits(
  record: AgentRecord,
  { due_within_days: due, stale_days: stale }: z.output<typeof input>,
  now: number,
): boolean {
  if (due !== undefined && !isDueWithin(record, due, now)) return false
  return stale === undefined || isStaleFor(record, stale, now)
}
