// One agent, by id or name: one's own without a permission, another with `agents/<name>:read`.

import * as z from 'zod'
import { agentRecord, agentRecordOf } from './agent-record.ts'
import { agentRef } from './fields.ts'
import { findAgent, isOwnAgent, may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'

export const getAgent = defineOperation({
  name: 'get_agent',
  title: 'Get an agent',
  summary:
    'The record of one agent: owner, ceiling, status, and when its credentials are due for rotation.',
  permission: '· / agents:read',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({ agent: agentRef }),
  output: agentRecord,
  handle: async (input, call) => {
    const agent = findAgent(call, input.agent)
    if (agent === undefined) throw unknown('agent')
    if (!isOwnAgent(call, agent) && !may(call, `agents/${agent.name}:read`)) throw unknown('agent')
    return { result: await agentRecordOf(call, agent), target: agent.id }
  },
})
