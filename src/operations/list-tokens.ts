// list_tokens: grants with their newest token, one's own or those one may read about.

import * as z from 'zod'
import { isOwn } from '../authority/acting.ts'
import { audienceName, audienceOf } from '../authority/audience.ts'
import { grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import type { Agent } from '../core/agent.ts'
import { isSubtask } from '../core/name.ts'
import { newestTokens } from '../store/tokens.ts'
import * as field from './fields.ts'
import { findAgent, may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { walk } from './own-grants.ts'
import type { Extent } from './own-grants.ts'

const defaultLimit = 100

export const listTokens = defineOperation({
  name: 'list_tokens',
  title: 'List tokens',
  summary: 'Grants and their newest tokens: yours and those below, or others you may read about.',
  permission: '· / tokens:read',
  effect: 'read',
  spendsUse: false,
  input: z.object({
    agent: field.agentRef.optional(),
    grant_id: field.id('grt').optional().describe('Only this grant and what hangs below it.'),
    task: field.task.optional().describe('Only this task and its sub-tasks.'),
    include_dead: z.boolean().optional(),
    limit: field.limit.optional(),
    cursor: field.cursor('grt').optional(),
  }),
  output: z.object({
    tokens: z.array(
      z.object({
        token_id: z.string().optional(),
        grant_id: z.string(),
        parent_id: z.string().optional(),
        agent_id: z.string(),
        instance_id: z.string().optional(),
        scopes: field.strings,
        audience: field.strings,
        expires_at: field.time,
        depth: z.int(),
        status: z.enum(['live', 'dead']),
        dead_because: z.string().optional(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  handle: async (input, call) => {
    const agent = agentAsked(call, input.agent)
    const extent = await extentOf(call, input.grant_id, agent)
    const limit = input.limit ?? defaultLimit
    const found: GrantState[] = []
    let more = false
    for await (const state of walk(call, extent, input.cursor ?? '')) {
      const { grant } = state
      if (grant.standing || (agent !== undefined && grant.agentId !== agent.id)) continue
      if (!state.liveness.live && input.include_dead !== true) continue
      if (input.task !== undefined && !isSubtask(grant.task ?? '', input.task)) continue
      if (found.length === limit) {
        more = true
        break
      }
      found.push(state)
    }
    const last = found.at(-1)?.grant.id
    return {
      result: {
        tokens: await described(call, found),
        ...(more && last !== undefined && { next_cursor: last }),
      },
    }
  },
})

function agentAsked(call: Call, ref: string | undefined): Agent | undefined {
  if (ref === undefined) return undefined
  const agent = findAgent(call, ref)
  if (agent === undefined) throw unknown('agent')
  return agent
}

/** With the permission all of the organisation, or of one agent; without it one's own. */
async function extentOf(
  call: Call,
  grantId: string | undefined,
  agent: Agent | undefined,
): Promise<Extent> {
  const { caller, context, now } = call
  if (grantId !== undefined) {
    const state = await grantState(context.live, grantId, now)
    if (state === undefined || !mayRead(call, state)) throw unknown('grant')
    return { kind: 'subtree', grant: state.grant }
  }
  const permission = agent === undefined ? 'tokens:read' : `tokens/${agent.name}:read`
  if (may(call, permission)) return { kind: 'organisation' }
  if (agent !== undefined && agent.id !== caller.agent.id && !(await hasOwnOf(call, agent))) {
    throw unknown('agent')
  }
  return { kind: 'own' }
}

/** An agent that holds nothing of one's own is as good as unknown. */
async function hasOwnOf(call: Call, agent: Agent): Promise<boolean> {
  for await (const { grant } of walk(call, { kind: 'own' })) {
    if (grant.agentId === agent.id) return true
  }
  return false
}

/** Whether a caller may read about a grant: its own, or by permission on the agent that holds it. */
export function mayRead(call: Call, state: GrantState): boolean {
  const { caller, context } = call
  if (state.grant.orgId !== caller.orgId) return false
  const name = context.live.agent(state.grant.agentId)?.name ?? ''
  return isOwn(context, caller, state) || may(call, `tokens/${name}:read`)
}

async function described({ context }: Call, states: readonly GrantState[]) {
  const newest = await context.store.read(newestTokens(states.map(({ grant }) => grant.id)))
  const tokens = new Map(newest.map((token) => [token.grantId, token.id]))
  return states.map(({ grant, liveness }) => {
    const tokenId = tokens.get(grant.id)
    return {
      ...(tokenId !== undefined && { token_id: tokenId }),
      grant_id: grant.id,
      ...(grant.parentId !== undefined && { parent_id: grant.parentId }),
      agent_id: grant.agentId,
      ...(grant.instanceId !== undefined && { instance_id: grant.instanceId }),
      scopes: grant.scopes.map((scope) => scope.text),
      audience: audienceOf(context, grant).map((id) => audienceName(context, id)),
      expires_at: grant.expiresAt ?? 0,
      depth: grant.depth,
      status: liveness.live ? ('live' as const) : ('dead' as const),
      ...(!liveness.live && { dead_because: liveness.code }),
    }
  })
}
