// A registered MCP server that calls for itself, by a proof of its bound key or over HTTP by its management
// token. It is no agent: it may update itself and introspect tokens that are for it, and nothing else.

import { revocationKey } from '../core/revocation.ts'
import type { McpServer } from '../core/state.ts'
import type { Registration } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import type { Context } from './context.ts'
import type { Presented } from './presented.ts'
import { boundKey, provenKey, registrationMeant } from './proven-registration.ts'
import type { ByServer, Proven } from './proven-registration.ts'
import { assertRegistered } from './registration.ts'
import { deadServer } from './server-refusals.ts'

export interface ServerCaller {
  readonly server: McpServer
  readonly registration: Registration
  /** What to commit with whatever the server asked for: makes its proof good once. */
  readonly spend: readonly Write[]
  /** The restrictions that make a decision for it stale: its own, and those of this server. */
  readonly guard: readonly string[]
}

/** Proves which key or token this is; whose it is at present is asked with `serverCaller`. */
export const provenServer = async (context: Context, presented: ByServer): Promise<Proven> =>
  provenKey(context, presented, boundKey(context, presented))

/** The server behind it, while its registration holds; refuses it otherwise. */
export function serverCaller(
  context: Context,
  registration: Registration,
  proven: Proven,
): ServerCaller {
  assertRegistered(context)
  const server = context.live.server(registration.serverId)
  const { serverName = server?.name, thumbprint } = proven
  const isBound = registration.status === 'bound' && registration.thumbprint === thumbprint
  if (server?.status !== 'active' || serverName !== server.name || !isBound) {
    throw deadServer('The registration of this server was revoked or replaced.')
  }
  const guard = [server.id, context.self.serverId].map((id) => revocationKey('server', id))
  return { server, registration, spend: proven.spend, guard }
}

/** Whether a registered MCP server presents itself; its proof stays good. */
export async function isRegisteredServer(context: Context, presented: Presented): Promise<boolean> {
  if (presented.kind !== 'server_proof' && presented.kind !== 'management_token') return false
  await context.live.refresh()
  assertRegistered(context)
  const proven = await provenServer(context, presented)
  serverCaller(context, registrationMeant(context, presented, proven), proven)
  return true
}
