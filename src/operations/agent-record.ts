// An agent as `get_agent`, `list_agents` and `update_agent` show it: the record, and how old and how
// recently used its credentials are. A retired agent is due for nothing.

import * as z from 'zod'
import { agentStatuses, authMethods, sensitivities } from '../core/agent.ts'
import type { Agent } from '../core/agent.ts'
import { credentialStatus } from '../core/credential.ts'
import { dueAt } from '../core/renewal.ts'
import type { Credential } from '../core/credential.ts'
import { agentCertificates } from '../store/agent-keys.ts'
import { agentCredentialUses } from '../store/credentials.ts'
import { strings, time } from './fields.ts'
import type { Call } from './operation.ts'

const secondsPerDay = 86_400

export const agentRecordShape = {
  id: z.string(),
  name: z.string(),
  description: z.string(),
  owner: z.string(),
  ceiling: strings,
  sensitivity: z.enum(sensitivities),
  status: z.enum(agentStatuses),
  auth_methods: z.array(z.enum(authMethods)),
  rotation_days: z.int(),
  last_rotated_at: time
    .nullable()
    .describe('When the oldest active credential was made; null without one.'),
  next_rotation_at: time.nullable().describe('When that one is due; null where nothing is.'),
  last_used_at: time.nullable().describe('When any credential was last seen; null if never.'),
  credentials: z.object({ active: z.int(), retiring: z.int() }),
  created_at: time,
  created_by: z.string().optional(),
}

export const agentRecord = z.object(agentRecordShape)
export type AgentRecord = z.output<typeof agentRecord>

/** The record as of the call; the ceiling is what it is at present, computed or not. */
export async function agentRecordOf({ context, now }: Call, agent: Agent): Promise<AgentRecord> {
  const { live, store } = context
  const own = [...live.credentials.values()].filter(({ agentId }) => agentId === agent.id)
  const active = own.filter((each) => credentialStatus(each, now) === 'active')
  const retiring = own.filter((each) => credentialStatus(each, now) === 'retiring')
  const seen = await store.read(agentCertificates(agent.id))
  const rotatedAt = active.length === 0 ? null : Math.min(...active.map((c) => c.createdAt))
  const dueOf = (each: Credential) => {
    const certificate = seen.find(({ credentialId }) => credentialId === each.id)
    return dueAt(agent.rotationDays, each, certificate)
  }
  const isDue = rotatedAt !== null && agent.status !== 'retired'
  const uses = await store.read(agentCredentialUses(agent.id))
  return {
    id: agent.id,
    name: agent.name,
    description: agent.description,
    owner: agent.owner,
    ceiling: live.ceilingOf(agent).map(({ text }) => text),
    sensitivity: agent.sensitivity,
    status: agent.status,
    auth_methods: [...agent.authMethods],
    rotation_days: agent.rotationDays,
    last_rotated_at: rotatedAt,
    next_rotation_at: isDue ? Math.min(...active.map(dueOf)) : null,
    last_used_at: uses.length === 0 ? null : Math.max(...uses.map((use) => use.lastUsedAt)),
    credentials: { active: active.length, retiring: retiring.length },
    created_at: agent.createdAt,
    ...(agent.createdBy !== undefined && { created_by: agent.createdBy }),
  }
}

/** Whether a rotation falls due within so many days; what is overdue counts too. */
export const isDueWithin = (record: AgentRecord, days: number, now: number): boolean =>
  record.next_rotation_at !== null && record.next_rotation_at <= now + days * secondsPerDay

/** Whether nothing of it was seen for so many days; before its first use its age counts. */
export const isStaleFor = (record: AgentRecord, days: number, now: number): boolean =>
  (record.last_used_at ?? record.created_at) <= now - days * secondsPerDay
