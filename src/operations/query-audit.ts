// The audit of the caller's organisation, newest first. What is still waiting to be written is written
// before, so that whoever was told a decision finds it.

import * as z from 'zod'
import type { AuditEvent } from '../core/audit-link.ts'
import { refusalCodes } from '../core/refusal.ts'
import { queryEvents } from '../store/audit.ts'
import type { EventFilter } from '../store/audit.ts'
import { agentRef, cursor, id, limit, strings, time } from './fields.ts'
import { findAgent, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

const outcomes = ['allowed', 'refused'] as const
const codes = ['allowed', ...refusalCodes] as const
const anyObject = z.record(z.string(), z.unknown())
const defaultLimit = 100

const input = z.strictObject({
  agent: agentRef.optional(),
  grant_id: id('grt').optional().describe('This grant and everything below it.'),
  operation: z
    .string()
    .regex(/^[a-z_]{1,64}$/)
    .optional(),
  outcome: z.enum(outcomes).optional(),
  code: z.enum(codes).optional(),
  since: time.min(0).optional(),
  until: time.min(0).optional(),
  limit: limit.optional(),
  cursor: cursor('evt').optional(),
})

const event = z.object({
  id: z.string(),
  chain: z.string(),
  seq: z.int(),
  at: time,
  operation: z.string(),
  outcome: z.enum(outcomes),
  code: z.string(),
  agent_id: z.string().optional(),
  instance_id: z.string().optional(),
  grant_id: z.string().optional(),
  lineage: strings,
  presented: anyObject.optional(),
  target: z.string().optional(),
  detail: anyObject,
  count: z.int().optional().describe('How many equal decisions this event stands for, if several.'),
  trace_id: z.string().optional(),
  server_id: z.string(),
  hash: z.string(),
})

export const queryAudit = defineOperation({
  name: 'query_audit',
  title: 'Query the audit',
  summary: 'Who did what under which grant, and what was refused; newest first.',
  permission: 'audit:read',
  needs: () => 'audit:read',
  effect: 'read',
  spendsUse: false,
  input,
  output: z.object({ events: z.array(event), next_cursor: z.string().optional() }),
  handle: async (asked, call) => {
    const { audit, store } = call.context
    const filter = filterOf(asked, call)
    await audit.flush()
    const found = await store.read(queryEvents({ ...filter, limit: filter.limit + 1 }))
    const page = found.slice(0, filter.limit)
    const last = found.length > page.length ? page.at(-1) : undefined
    return {
      result: { events: page.map(shown), ...(last !== undefined && { next_cursor: last.id }) },
    }
  },
})

function filterOf(asked: z.output<typeof input>, call: Call): EventFilter {
  const { agent: ref, grant_id: grantId, cursor: before, limit, ...others } = asked
  const agent = ref === undefined ? undefined : findAgent(call, ref)
  if (ref !== undefined && agent === undefined) throw unknown('agent')
  return {
    orgId: call.caller.orgId,
    ...(agent !== undefined && { agentId: agent.id }),
    ...(grantId !== undefined && { grantId }),
    ...(before !== undefined && { before }),
    ...defined(others),
    limit: limit ?? defaultLimit,
  }
}

type Plain = Pick<EventFilter, 'operation' | 'outcome' | 'code' | 'since' | 'until'>

const defined = (filter: { readonly [K in keyof Plain]?: Plain[K] | undefined }): Plain =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))

const shown = (e: AuditEvent): z.output<typeof event> => ({
  id: e.id,
  chain: e.chain,
  seq: e.seq,
  at: e.at,
  operation: e.operation,
  outcome: e.outcome,
  code: e.code,
  ...(e.agentId !== undefined && { agent_id: e.agentId }),
  ...(e.instanceId !== undefined && { instance_id: e.instanceId }),
  ...(e.grantId !== undefined && { grant_id: e.grantId }),
  lineage: [...e.lineage],
  ...(e.presented !== undefined && { presented: objectIn(e.presented) }),
  ...(e.target !== undefined && { target: e.target }),
  detail: objectIn(e.detail),
  ...(e.count !== 1 && { count: e.count }),
  ...(e.traceId !== undefined && { trace_id: e.traceId }),
  server_id: e.serverId,
  hash: e.hash,
})

/** A damaged row must stay visible beside the sound ones. */
function objectIn(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below, and by verify_audit.
  }
  return { unreadable: true }
}
