// Which message is a plain `tools/call`: well formed in every part, of one era, with headers that agree with
// the body. What is not so is not refused here; the SDK of its era says what is wrong with it.

import type { IncomingHttpHeaders } from 'node:http'
import { isObject } from './json.ts'

export interface PlainCall {
  readonly era: 'legacy' | 'modern'
  readonly id: string | number
  readonly params: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>> | undefined
}

const modern = '2026-07-28'
/** 2025-03-26 is what a request without the header speaks. */
const older: ReadonlySet<string | undefined> = new Set([
  undefined,
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
])

const envelope = 'io.modelcontextprotocol/'
export const serverInfoKey = `${envelope}serverInfo`
const known: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params'])

export function plainCall(headers: IncomingHttpHeaders, body: unknown): PlainCall | undefined {
  if (!isObject(body) || body['method'] !== 'tools/call' || body['jsonrpc'] !== '2.0')
    return undefined
  const { id, params } = body
  if (!isObject(params) || !Object.keys(body).every((key) => known.has(key))) return undefined
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return undefined
  const { _meta: meta } = params
  if (meta !== undefined && !isPlainMeta(meta)) return undefined
  const { 'mcp-protocol-version': version, accept = '' } = headers
  const isModern = version === modern
  if (isModern ? !agrees(headers, params, meta) : claims(meta) || !older.has(version as string)) {
    return undefined
  }
  const takesBoth = accept.includes('application/json') && accept.includes('text/event-stream')
  if (!isModern && !takesBoth) return undefined
  return { era: isModern ? 'modern' : 'legacy', id: id as string | number, params, meta }
}

/** No metadata that the SDKs look into, but the envelope. */
const isPlainMeta = (meta: unknown): meta is Record<string, unknown> =>
  isObject(meta) && !('progressToken' in meta) && !(`${envelope}related-task` in meta)

const claims = (meta: Record<string, unknown> | undefined): boolean =>
  Object.keys(meta ?? {}).some((key) => key.startsWith(envelope))

function agrees(
  headers: IncomingHttpHeaders,
  params: Record<string, unknown>,
  meta: Record<string, unknown> | undefined,
): boolean {
  if (meta?.[`${envelope}protocolVersion`] !== modern) return false
  const capabilities = meta[`${envelope}clientCapabilities`]
  const client = meta[`${envelope}clientInfo`]
  return (
    isObject(capabilities) &&
    Object.keys(capabilities).length === 0 &&
    isObject(client) &&
    typeof client['name'] === 'string' &&
    typeof client['version'] === 'string' &&
    Object.keys(client).length === 2 &&
    headers['mcp-method'] === 'tools/call' &&
    typeof params['name'] === 'string' &&
    headers['mcp-name'] === params['name']
  )
}
