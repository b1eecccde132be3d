// Revision 2026-07-28 over one surface, on the SDK's low-level Server. Which revision an instance speaks
// is settled by the SDK entry that it is handed to, not here.
import { Server } from '@modelcontextprotocol/server'
import type { Surface } from '../surface.ts'
import type { Params } from './methods.ts'
import { answer, capabilities, methods } from './methods.ts'
import type { Log } from './rpc-error.ts'

export function createModernServer(surface: Surface, log: Log): Server {
  const server = new ServerOfAsSent(surface.serverInfo, {
    capabilities,
    instructions: surface.instructions,
    jsonSchemaValidator: noElicitation,
  })
  // The SDK's own messages can quote what was sent, credentials included: only their kind is kept.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's server is no EventTarget
  server.onerror = ({ name }) => log.error({ name }, 'the 2026 protocol layer reported an error')
  for (const method of methods) {
    server.setRequestHandler(method, { params: asSent }, async (params, { mcpReq }) => {
      // The SDK has taken these two out of the parameters; the surface sees the request as it was sent.
      const requestState = mcpReq.requestState()
      const { envelope, _meta: rest } = mcpReq
      const meta = { ...envelope, ...rest }
      const { result, ttlMs } = await answer(
        method,
        requestState === undefined ? params : { ...params, requestState },
        { meta },
        surface,
        log,
      )
      return ttlMs === undefined ? result : { ...result, ttlMs, cacheScope: 'private' }
    })
  }
  return server
}

/** The SDK's server would check the parameters of tools/call once more, in its validator's words. */
class ServerOfAsSent extends Server {
  protected override _wrapHandler(...[method, handler]: Parameters<Server['_wrapHandler']>) {
    return method === 'tools/call' ? handler : super._wrapHandler(method, handler)
  }
}

/** A schema (Standard Schema v1) that lets parameters through: what is wrong with them is ours to say. */
const asSent = {
  '~standard': {
    version: 1 as const,
    vendor: 'remit',
    validate: (value: unknown) => ({ value: value as Params }),
    types: undefined as unknown as { readonly input: Params; readonly output: Params },
  },
}

/** The SDK wants a validator for elicited input, which Remit never asks for. */
const noElicitation = {
  getValidator() {
    throw new Error('Remit elicits nothing')
  },
}
