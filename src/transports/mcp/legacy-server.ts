// The 2025 revisions (hosts that open with `initialize`) over one surface, on the SDK's low-level Server.
// The schemas given to it only name the method: what is wrong with the parameters is ours to say.
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { Protocol } from '@modelcontextprotocol/sdk/shared/protocol.js'
import { literal, object, unknown } from 'zod'
import type { Surface } from '../surface.ts'
import type { Params } from './methods.ts'
import { answer, capabilities, methods } from './methods.ts'
import type { Log } from './rpc-error.ts'

export function createLegacyServer(surface: Surface, log: Log): Server {
  const server = new Server(surface.serverInfo, {
    capabilities,
    instructions: surface.instructions,
    jsonSchemaValidator: noElicitation,
  })
  // The SDK's own messages can quote what was sent, credentials included: only their kind is kept.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's server is no EventTarget
  server.onerror = ({ name }) => log.error({ name }, 'the 2025 protocol layer reported an error')
  for (const method of methods) {
    const named = object({ method: literal(method), params: unknown().optional() })
    // The server's own method would check the parameters of tools/call once more, in its validator's words.
    Protocol.prototype.setRequestHandler.call(
      server,
      named,
      async ({ params = {} }, { _meta: meta }) => {
        const { result } = await answer(method, params as Params, { meta }, surface, log)
        return result
      },
    )
  }
  return server
}

/** The SDK wants a validator for elicited input, which Remit never asks for. */
const noElicitation = {
  getValidator() {
    throw new Error('Remit elicits nothing')
  },
}
