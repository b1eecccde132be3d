// `POST /mcp`: MCP over Streamable HTTP in both protocol eras. Each request has a server of its own and is
// authenticated by itself, so that no connection or session ever stands for an identity, and no answer
// reaches another request, whatever its JSON-RPC id.

import { operationSurface } from '../operation-surface.ts'
import { createLegacyServer } from '../mcp/legacy-server.ts'
import { createModernServer } from '../mcp/modern-server.ts'
import type { Ask, Door, Routes } from './door.ts'
import { jsonIn } from './json.ts'
import { nobody } from './nobody.ts'

export const mcpRoutes: Routes = (app, door) => {
  app.post('/mcp', async (ask) => {
    const { createMcpHandler, isLegacyRequest } = await import('@modelcontextprotocol/server')
    const parsedBody = jsonIn(ask)
    const { raw } = ask.req
    if (await isLegacyRequest(raw, parsedBody)) return serveLegacy(ask, door, parsedBody)
    const handler = createMcpHandler(
      () => createModernServer(surfaceFor(ask, door), door.context.log),
      {
        legacy: 'reject',
        onerror: ({ name }) =>
          door.context.log.error({ name }, 'the 2026 HTTP layer reported an error'),
      },
    )
    return handler.fetch(raw, { parsedBody })
  })
}

async function serveLegacy(ask: Ask, door: Door, parsedBody: unknown): Promise<Response> {
  const { WebStandardStreamableHTTPServerTransport } =
    await import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js')
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  const server = createLegacyServer(surfaceFor(ask, door), door.context.log)
  await server.connect(transport)
  try {
    return await transport.handleRequest(ask.req.raw, { parsedBody })
  } finally {
    await server.close()
  }
}

function surfaceFor(ask: Ask, { context }: Door) {
  const { arrived } = ask.env
  const header = arrived.presented()
  return operationSurface(context, nobody, {
    ...(header !== undefined && { header }),
    ...(arrived.traceparent !== undefined && { traceparent: arrived.traceparent }),
  })
}
