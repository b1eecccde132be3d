// What the audit remembers of MCP servers: apart from every agent, the actor is the registration
// credential (design: two relations, kept apart).

import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import type { Registration } from '../store/servers.ts'
import type { Context } from './context.ts'

/** A registration, an update or a heartbeat. */
export const registered = (
  context: Context,
  registration: Registration,
  server: McpServer,
  isDryRun: boolean,
): UnlinkedEvent => ({
  ...by(context, 'register_mcp_server', registration),
  outcome: 'allowed',
  code: 'allowed',
  target: server.id,
  detail: JSON.stringify({
    version: server.version,
    redeemed: registration.status === 'pending',
    tools: server.tools.length,
    ...(isDryRun && { dry_run: true }),
  }),
})

/** What else a registered server did by itself. */
export const doneByServer = (
  context: Context,
  operation: string,
  registration: Registration,
  target: string | undefined,
  detail: Readonly<Record<string, unknown>>,
): UnlinkedEvent => ({
  ...by(context, operation, registration),
  outcome: 'allowed',
  code: 'allowed',
  ...(target !== undefined && { target }),
  detail: JSON.stringify(detail),
})

/** Refusals of known credentials are durable with the answer, those of strangers are counted. */
export async function refusedServer(
  context: Context,
  operation: string,
  registration: Registration | undefined,
  { code, detail }: Refusal,
): Promise<void> {
  const { finding } = detail
  const event = (): UnlinkedEvent => ({
    ...by(context, operation, registration),
    outcome: 'refused',
    code,
    ...(registration !== undefined && { target: registration.serverId }),
    detail: JSON.stringify({ ...(finding !== undefined && { finding }) }),
  })
  if (registration === undefined) {
    context.audit.addStranger(`${operation}/${code}/${finding ?? ''}`, event)
    return
  }
  await context.committer.submit({ writes: [], events: [event()] })
}

const by = (
  { newId, now, self }: Context,
  operation: string,
  registration: Registration | undefined,
) => ({
  id: newId('evt'),
  at: now(),
  orgId: registration?.orgId ?? self.orgId,
  operation,
  lineage: [],
  ...(registration !== undefined && {
    presented: JSON.stringify({ method: 'registration', credential_id: registration.id }),
  }),
  count: 1,
  serverId: self.serverId,
})
