// What of `/mcp` is not a plain call, on the SDK of its era: handshakes, lists, reads, subscriptions, and all
// that is malformed. Who asks is known by now (mcp.ts).

import type { Server as ModernServer } from '@modelcontextprotocol/server'
import { createLegacyServer } from '../mcp/legacy-server.ts'
import { createModernServer } from '../mcp/modern-server.ts'
import type { Surface } from '../surface.ts'
import type { Ask, Door, Routes } from './door.ts'
import { jsonIn } from './json.ts'
import { createTold, headersToTell, statusToTell, surfaceFor } from './mcp.ts'

/** Open subscriptions, each of which holds a connection. */
const mostSubscriptions = 256

export const mcpRoutes: Routes = (app, door) => {
  const { log } = door.context
  const surfaces = new WeakMap<Request, Surface>()
  let loading: Promise<(request: Request, parsedBody: unknown) => Promise<Response>> | undefined

  const load = async () => {
    const { createMcpHandler, isLegacyRequest } = await import('@modelcontextprotocol/server')
    const factory = ({ requestInfo }: { requestInfo?: Request }): ModernServer => {
      const surface = requestInfo && surfaces.get(requestInfo)
      if (surface === undefined) throw new Error('A request came without its surface.')
      return createModernServer(surface, log)
    }
    const modern = createMcpHandler(factory, {
      legacy: 'reject',
      maxSubscriptions: mostSubscriptions,
      onerror: ({ name }) => log.error({ name }, 'the 2026 HTTP layer reported an error'),
    })
    door.onStop(() => modern.close())
    return async (request: Request, parsedBody: unknown) =>
      (await isLegacyRequest(request, parsedBody))
        ? serveLegacy(request, parsedBody, surfaces.get(request) as Surface, door)
        : modern.fetch(request, { parsedBody })
  }

  app.post('/mcp', async (ask: Ask) => {
    const { raw } = ask.req
    const { arrived } = ask.env
    const told = createTold()
    surfaces.set(raw, surfaceFor(door, arrived, told))
    loading ??= load()
    const response = await (await loading)(raw, jsonIn(arrived))
    const status = statusToTell(told)
    if (status === 200) return response
    const headers = { 'content-type': 'application/json', ...headersToTell(door, arrived, told) }
    return new Response(response.body, { status, headers })
  })
}

/** Without a session: every request has a server and a transport of its own. */
async function serveLegacy(
  request: Request,
  parsedBody: unknown,
  surface: Surface,
  door: Door,
): Promise<Response> {
  const { WebStandardStreamableHTTPServerTransport } =
    await import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js')
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  const server = createLegacyServer(surface, door.context.log)
  await server.connect(transport)
  try {
    return await transport.handleRequest(request, { parsedBody })
  } finally {
    await server.close()
  }
}
