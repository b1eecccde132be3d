// The MCP servers that registered here. Like all server details this belongs to the first organisation.

import * as z from 'zod'
import type { McpServer } from '../core/state.ts'
import { sightings } from '../store/servers.ts'
import { time } from './fields.ts'
import { requireFirstOrg } from './may.ts'
import { defineOperation } from './operation.ts'

const statuses = ['pending', 'active', 'revoked'] as const

export const listMcpServers = defineOperation({
  name: 'list_mcp_servers',
  title: 'List MCP servers',
  summary: 'Registered MCP servers with status, tools, and when each was last seen.',
  permission: 'servers:read',
  needs: () => 'servers:read',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({ status: z.enum(statuses).optional() }),
  output: z.object({
    servers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        version: z.string(),
        status: z.enum(statuses),
        tools: z.array(z.object({ name: z.string(), scope_name: z.string().optional() })),
        registered_at: time.optional(),
        last_seen_at: time.nullable().describe('null if never.'),
        created_at: time,
        created_by: z.string().optional(),
        created_under: z.string().optional(),
      }),
    ),
  }),
  handle: async (input, call) => {
    requireFirstOrg(call)
    const { live, store } = call.context
    const seen = await store.read(sightings)
    const lastSeen = new Map(seen.map(({ serverId, lastSeenAt }) => [serverId, lastSeenAt]))
    const servers = [...live.servers.values()]
      .filter(({ orgId }) => orgId === call.caller.orgId)
      .filter(({ status }) => input.status === undefined || status === input.status)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((server) => recordOf(server, lastSeen.get(server.id) ?? null))
    return { result: { servers } }
  },
})

const recordOf = (server: McpServer, lastSeenAt: number | null) => ({
  id: server.id,
  name: server.name,
  version: server.version,
  status: server.status,
  tools: [...server.tools],
  ...(server.registeredAt !== undefined && { registered_at: server.registeredAt }),
  last_seen_at: lastSeenAt,
  created_at: server.createdAt,
  ...(server.createdBy !== undefined && { created_by: server.createdBy }),
  ...(server.createdUnder !== undefined && { created_under: server.createdUnder }),
})
