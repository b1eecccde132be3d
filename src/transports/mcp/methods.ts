// The methods that both protocol eras serve, as one table over the surface. Parameters arrive as the
// caller sent them, so each method checks its own; `_meta` goes to the surface whole and nothing else
// of the connection does. No SDK comes in here.
import { Refusal } from '../../core/refusal.ts'
import type { Listing, RequestSource, Surface } from '../surface.ts'
import type { Log } from './rpc-error.ts'
import { RpcError, rpcCodes, toRpcError } from './rpc-error.ts'

export type Params = Readonly<Record<string, unknown>>

/** A result, and for lists how long (in milliseconds) the caller may keep it to itself. */
export interface Answer {
  readonly result: Record<string, unknown>
  readonly ttlMs?: number
}

export type Method = keyof typeof table

export const capabilities = { tools: {}, resources: {} }

/** Runs one method; rejects with nothing but `RpcError`. */
export async function answer(
  method: Method,
  params: Params,
  source: RequestSource,
  surface: Surface,
  log: Log,
): Promise<Answer> {
  try {
    refuseState(params)
    return await table[method](surface, params, source)
  } catch (thrown) {
    throw toRpcError(thrown, log)
  }
}

const table = {
  'tools/call': async (surface: Surface, params: Params, source: RequestSource) => {
    const name = text(params, 'name')
    const { arguments: args = {} } = params
    return { result: { ...(await surface.callTool(name, args, source)) } }
  },
  'tools/list': async (surface: Surface, params: Params, source: RequestSource) =>
    listed('tools', params, await surface.listTools(source)),
  'resources/list': async (surface: Surface, params: Params, source: RequestSource) =>
    listed('resources', params, await surface.listResources(source)),
  'resources/templates/list': async (surface: Surface, params: Params, source: RequestSource) =>
    listed('resourceTemplates', params, await surface.listResourceTemplates(source)),
  'resources/read': async (surface: Surface, params: Params, source: RequestSource) => {
    const uri = text(params, 'uri')
    try {
      return { result: { contents: [await surface.readResource(uri, source)] } }
    } catch (thrown) {
      if (!(thrown instanceof Refusal && thrown.code === 'not_found')) throw thrown
      // `uri` alone marks a resource as not found for the clients of 2026-07-28.
      throw new RpcError(rpcCodes.resourceNotFound, thrown.message, { uri })
    }
  },
}

export const methods = Object.keys(table) as readonly Method[]

/** Every list is one page, so a cursor is none of ours. */
function listed<T>(member: string, params: Params, { items, ttlMs }: Listing<T>): Answer {
  if (params.cursor !== undefined) {
    throw new RpcError(rpcCodes.invalidParams, 'cursor: this list has one page')
  }
  return { result: { [member]: items }, ttlMs }
}

function text(params: Params, name: string): string {
  const value = params[name]
  if (typeof value === 'string') return value
  throw new RpcError(rpcCodes.invalidParams, `${name}: must be a string`)
}

function refuseState(params: Params): void {
  if (params.requestState === undefined) return
  throw new RpcError(
    rpcCodes.invalidParams,
    'requestState: Remit issues no requestState and refuses any',
  )
}
