// More MCP servers in a world, as records only: nobody has to run them to be an audience.

import type { McpServer } from '../../src/core/state.ts'
import { putServer } from '../../src/store/servers.ts'
import type { World } from './world.ts'

/** Adds a registered server, active unless `traits` say otherwise; returns its record. */
export async function addServer(
  w: World,
  name: string,
  traits: Partial<McpServer> = {},
): Promise<McpServer> {
  const server: McpServer = {
    id: w.context.newId('srv'),
    orgId: w.orgId,
    name,
    version: '1',
    status: 'active',
    publicJwk: '{}',
    tools: [],
    registeredAt: w.now(),
    createdAt: w.now(),
    recordVersion: 1,
    ...traits,
  }
  await w.write([putServer(server)])
  return server
}

/** How a server other than this one is named as an audience. */
export const audienceOf = (w: World, { id }: Pick<McpServer, 'id'>): string => `${w.issuer}:${id}`
