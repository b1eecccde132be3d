// MCP messages over HTTP by hand, in both protocol eras: what a client of each sends.

import type { Answered, HttpWorld } from './http.ts'

export type Era = 'legacy' | 'modern'
export const eras: readonly Era[] = ['legacy', 'modern']

export interface Sent {
  readonly id?: unknown
  readonly meta?: object
  readonly headers?: Record<string, string>
}

const accept = 'application/json, text/event-stream'
const prefix = 'io.modelcontextprotocol/'

const envelope = {
  [`${prefix}protocolVersion`]: '2026-07-28',
  [`${prefix}clientCapabilities`]: {},
  [`${prefix}clientInfo`]: { name: 'test', version: '1' },
}

/** One request as a client of that era sends it. */
export function send(
  http: HttpWorld,
  era: Era,
  method: string,
  params: Record<string, unknown> = {},
  { id = 1, meta, headers = {} }: Sent = {},
): Promise<Answered> {
  if (era === 'legacy') {
    const body = { jsonrpc: '2.0', id, method, params: { ...params, ...(meta && { _meta: meta }) } }
    return http.post('/mcp', body, { accept, 'mcp-protocol-version': '2025-11-25', ...headers })
  }
  const { name, uri } = params
  const named = name ?? uri
  return http.post(
    '/mcp',
    { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...envelope, ...meta } } },
    {
      accept,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof named === 'string' && { 'mcp-name': named }),
      ...headers,
    },
  )
}

export const callTool = (
  http: HttpWorld,
  era: Era,
  name: string,
  args: object = {},
  sent: Sent = {},
): Promise<Answered> => send(http, era, 'tools/call', { name, arguments: args }, sent)

/** `allowed`, or the code of the refusal, with the status it came under. */
export function outcomeOf({ status, body }: Answered): readonly [number, unknown] {
  const { result, error } = body as {
    result?: { structuredContent?: { error?: { code: string } } }
    error?: { code: unknown; data?: { code?: string } }
  }
  if (error !== undefined) return [status, error.data?.code ?? error.code]
  return [status, result?.structuredContent?.error?.code ?? 'allowed']
}
