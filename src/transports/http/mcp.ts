// `POST /mcp`: MCP over Streamable HTTP in both protocol eras. Each request has a server of its own and is
// authenticated by itself, so that no connection or session ever stands for an identity, and no answer
// reaches another request, whatever its JSON-RPC id. A plain call of a tool takes the short way, past the
// SDKs, which cost more than all the rest; whatever is less plain is theirs to judge.

import { Refusal } from '../../core/refusal.ts'
import { authorityFor, holdsProof } from '../../operations/authority-for.ts'
import { answer as answerMethod, methods } from '../mcp/methods.ts'
import { rpcCodes, RpcError } from '../mcp/rpc-error.ts'
import { operationSurface } from '../operation-surface.ts'
import type { Surface } from '../surface.ts'
import { headersOf, json, statusOf } from './answer.ts'
import type { Answer } from './answer.ts'
import type { Arrived, Direct, Door } from './door.ts'
import { wrongMethod } from './faults.ts'
import { isObject, jsonIn } from './json.ts'
import { limitCaller, nobody } from './nobody.ts'
import { plainCall, serverInfoKey } from './plain-call.ts'
import type { PlainCall } from './plain-call.ts'

/** Answers a plain call, and whoever is not known; leaves the rest to the SDKs. */
export const mcpDirect =
  (door: Door): Direct =>
  async (arrived) => {
    if (arrived.path !== '/mcp') return undefined
    if (arrived.method !== 'POST') throw wrongMethod('POST')
    const message = messageIn(arrived)
    if ('status' in message) return message
    const { id, meta } = message
    limitCaller(door, meta)
    const call = plainCall(arrived.headers, message.body)
    if (call !== undefined) return answerCall(door, arrived, call)
    // A proof counts once: where our own surface answers, it asks for it.
    if (holdsProof(meta) && isOurs(message.method)) return undefined
    const { presented } = arrived
    const { refusal } = await authorityFor(
      door.context,
      {
        environment: nobody,
        ...(meta !== undefined && { meta }),
        ...(presented !== undefined && { header: presented }),
      },
      [],
      message.method,
    )
    return refusal && refusedRpc(door, arrived, id, refusal)
  }

/** What else there is, the SDKs answer by themselves, and ask nobody. */
const isOurs = (method: string): boolean => methods.some((each) => each === method)

async function answerCall(door: Door, arrived: Arrived, call: PlainCall): Promise<Answer> {
  const { id, params, meta, era } = call
  const told = createTold()
  const surface = surfaceFor(door, arrived, told)
  try {
    const source = { meta }
    const { result } = await answerMethod('tools/call', params, source, surface, door.context.log)
    const whole = era === 'modern' ? asModern(result, surface) : result
    return json(
      statusToTell(told),
      { result: whole, jsonrpc: '2.0', id },
      headersToTell(door, arrived, told),
    )
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    return rpcError(200, id, error)
  }
}

/** As the SDK of 2026-07-28 finishes every result. */
const asModern = (result: Record<string, unknown>, { serverInfo }: Surface) => ({
  ...result,
  resultType: 'complete',
  _meta: { ...(result['_meta'] as object | undefined), [serverInfoKey]: serverInfo },
})

/** What a surface refused, for the status and the headers of the answer. */
export interface Told {
  refusal?: { readonly refusal: Refusal; readonly isStranger: boolean }
}

export const createTold = (): Told => ({})

/**
 * MCP's authorization asks for 401 where the caller is not known and for 403 where a scope is missing; all
 * other refusals are results, and every body is the one that stdio would give.
 */
export function statusToTell({ refusal: told }: Told): number {
  if (told === undefined) return 200
  const status = statusOf(told.refusal)
  const isUnknown = told.isStranger && status === 401
  return isUnknown || told.refusal.code === 'insufficient_scope' ? status : 200
}

export const headersToTell = (door: Door, arrived: Arrived, told: Told) =>
  told.refusal !== undefined && statusToTell(told) !== 200
    ? headersOf(door, told.refusal.refusal, arrived)
    : {}

export function surfaceFor(
  { context, metrics }: Door,
  { presented, traceparent }: Arrived,
  told: Told,
): Surface {
  return operationSurface(context, nobody, {
    ...(presented !== undefined && { header: presented }),
    ...(traceparent !== undefined && { traceparent }),
    told: (refusal, isStranger) => {
      told.refusal = { refusal, isStranger }
    },
    answered: (operation, answer) => metrics.operation(operation, answer),
  })
}

interface Message {
  readonly body: unknown
  readonly id: string | number | null
  readonly method: string
  readonly meta: Readonly<Record<string, unknown>> | undefined
}

/** The one JSON-RPC message in a body; batches went with 2025-06-18. */
function messageIn(arrived: Arrived): Message | Answer {
  let body: unknown
  try {
    body = jsonIn(arrived)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const code = statusOf(error) === 400 ? rpcCodes.parseError : rpcCodes.invalidRequest
    return rpcError(statusOf(error), null, new RpcError(code, error.message))
  }
  if (!isObject(body)) {
    return rpcError(
      400,
      null,
      new RpcError(rpcCodes.invalidRequest, 'Invalid request: one message'),
    )
  }
  const { id, method, params } = body
  const meta = isObject(params) ? params['_meta'] : undefined
  return {
    body,
    id: typeof id === 'string' || typeof id === 'number' ? id : null,
    method: typeof method === 'string' ? method : '',
    meta: isObject(meta) ? meta : undefined,
  }
}

const refusedRpc = (door: Door, arrived: Arrived, id: Message['id'], refusal: Refusal): Answer =>
  rpcError(
    statusOf(refusal),
    id,
    new RpcError(rpcCodes.invalidRequest, refusal.message, refusal.toError()),
    headersOf(door, refusal, arrived),
  )

function rpcError(status: number, id: Message['id'], error: RpcError, headers = {}): Answer {
  const { code, message, data } = error
  const body = { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } }
  return json(status, body, headers)
}
