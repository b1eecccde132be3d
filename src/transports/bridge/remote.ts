// One call of the remote's MCP endpoint, in revision 2026-07-28: without a session, each request by itself
// (SEP-2243 names method and tool in headers too).

import { Refusal } from '../../core/refusal.ts'
import { RpcError } from '../mcp/rpc-error.ts'
import { unavailable } from './fetch-json.ts'
import type { FetchJson } from './fetch-json.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a request presents: a token in its header, or a credential in its metadata, or nothing. */
export interface Presentation {
  readonly headers?: Readonly<Record<string, string>>
  readonly meta?: Readonly<Record<string, string>>
}

export interface RemoteAnswer {
  readonly result: Fields
  /** The remote does not know who asks, or no longer. */
  readonly isUnproven: boolean
}

export type CallRemote = (
  method: string,
  params: Fields,
  presentation: Presentation,
) => Promise<RemoteAnswer>

const revision = '2026-07-28'
const envelope = 'io.modelcontextprotocol/'

/** Rejects with the remote's own error, or with `unavailable` where it gives none. */
export function createRemote(fetchJson: FetchJson, mcp: string, version: string): CallRemote {
  let lastId = 0
  return async (method, params, { headers = {}, meta = {} }) => {
    lastId += 1
    const id = lastId
    const own = {
      [`${envelope}protocolVersion`]: revision,
      [`${envelope}clientInfo`]: { name: 'remit-bridge', version },
      [`${envelope}clientCapabilities`]: {},
    }
    const sent = { ...params, _meta: { ...asSent(params['_meta']), ...meta, ...own } }
    const name = params['name'] ?? params['uri']
    const { status, body } = await fetchJson(mcp, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': revision,
        'mcp-method': method,
        ...(typeof name === 'string' && { 'mcp-name': name }),
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params: sent }),
    })
    const isUnproven = status === 401
    const { result, error } = body ?? {}
    if (isFields(result) && body?.['id'] === id) return { result, isUnproven }
    if (isUnproven) return { result: { error }, isUnproven }
    throw isFields(error) ? errorOf(error) : noAnswer(status)
  }
}

/** Of the caller's metadata everything but what belongs to its own connection. */
const asSent = (meta: unknown): Fields =>
  Object.fromEntries(
    Object.entries(isFields(meta) ? meta : {}).filter(
      ([key]) => !key.startsWith(envelope) && key !== 'progressToken',
    ),
  )

/** The remote's own words, for whoever asked. */
export function errorOf({ code, message, data }: Fields): RpcError {
  const told = typeof message === 'string' ? message : 'The remote Remit refuses.'
  return new RpcError(Number(code), told, isFields(data) ? data : undefined)
}

const noAnswer = (status: number): Refusal =>
  status === 429
    ? new Refusal('rate_limited', { message: 'The remote Remit has too much to do.' })
    : unavailable(`The remote Remit gives no answer (status ${status}).`)

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
