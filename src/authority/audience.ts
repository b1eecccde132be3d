// Audiences: recorded as server ids, shown as resource identifiers. This server is named by the issuer,
// others below the store's own name.

import type { Grant } from '../core/grant.ts'
import type { McpServer } from '../core/state.ts'
import type { Context } from './context.ts'

/** How an audience appears in tokens and results. */
export const audienceName = ({ self }: Pick<Context, 'self'>, serverId: string): string =>
  serverId === self.serverId ? self.issuer : `urn:remit:${self.storeId}:${serverId}`

/** The server meant by an issuer, resource identifier, id or name in an argument. */
export function serverMeant(context: Context, orgId: string, asked: string): McpServer | undefined {
  const { live, self } = context
  if (asked === self.issuer) return live.server(self.serverId)
  const prefix = `urn:remit:${self.storeId}:`
  const id = asked.startsWith(prefix) ? asked.slice(prefix.length) : asked
  const server = live.server(id) ?? live.serverByName(orgId, id)
  return server?.orgId === orgId && server.status === 'active' ? server : undefined
}

/** Server ids: recorded ones, or for a standing root this server and every active one of the organisation. */
export function audienceOf({ live, self }: Context, grant: Grant): readonly string[] {
  if (!grant.standing) return grant.audience
  return [...live.servers.values()]
    .filter((server) => server.orgId === grant.orgId || server.id === self.serverId)
    .filter((server) => server.status === 'active')
    .map((server) => server.id)
    .toSorted((a, b) => Number(b === self.serverId) - Number(a === self.serverId))
}
