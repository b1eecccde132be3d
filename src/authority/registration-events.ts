// What the audit remembers of registrations: apart from every agent, the actor is the registration
// credential (design: two relations, kept apart).

import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import type { Registration } from '../store/servers.ts'
import type { Context } from './context.ts'

const operation = 'register_mcp_server'

export const registered = (
  context: Context,
  registration: Registration,
  server: McpServer,
): UnlinkedEvent => ({
  ...by(context, registration),
  outcome: 'allowed',
  code: 'allowed',
  target: server.id,
  detail: JSON.stringify({
    version: server.version,
    redeemed: registration.status === 'pending',
    tools: server.tools.length,
  }),
})

/** Refusals of known credentials are durable with the answer, those of strangers are counted. */
export async function refusedRegistration(
  context: Context,
  registration: Registration | undefined,
  { code, detail }: Refusal,
): Promise<void> {
  const { finding } = detail
  const event = (): UnlinkedEvent => ({
    ...by(context, registration),
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

const by = ({ newId, now, self }: Context, registration: Registration | undefined) => ({
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
