// How a refusal leaves over HTTP: the status of its code (core/refusal.ts), the error object of every door,
// and the headers that say what to do next (RFC 6750 §3, RFC 9728 §5.1, RFC 9110 §10.2.3).

import type { ServerResponse } from 'node:http'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { httpStatusOf } from '../../core/refusal.ts'
import type { Refusal } from '../../core/refusal.ts'
import type { Ask, Door, RefusalBody } from './door.ts'
import { Fault } from './faults.ts'
import { resourceMetadataUrl } from './resource-metadata.ts'

export function refuse(ask: Ask, door: Door, refusal: Refusal): Response {
  const body: RefusalBody = { error: refusal.toError() }
  const headers = headersOf(door, refusal, ask.req.header('authorization') !== undefined)
  return ask.json(body, statusOf(refusal) as ContentfulStatusCode, headers)
}

/** The same for a request that reaches no route; the connection is of no more use. */
export function writeRefusal(outgoing: ServerResponse, door: Door, refusal: Refusal): void {
  if (outgoing.headersSent) return void outgoing.destroy()
  const body: RefusalBody = { error: refusal.toError() }
  outgoing
    .writeHead(statusOf(refusal), {
      'content-type': 'application/json',
      connection: 'close',
      ...headersOf(door, refusal, false),
    })
    .end(JSON.stringify(body))
}

export const statusOf = (refusal: Refusal): number =>
  refusal instanceof Fault ? refusal.status : httpStatusOf(refusal.code)

/** What goes with a refusal besides its body; `presented`: whether anything was. */
export function headersOf(
  door: Door,
  refusal: Refusal,
  presented: boolean,
): Record<string, string> {
  const status = statusOf(refusal)
  const challenged = status === 401 || refusal.code === 'insufficient_scope'
  return {
    ...(challenged && { 'www-authenticate': challenge(door, refusal, presented) }),
    ...((status === 429 || status === 503) && { 'retry-after': '1' }),
  }
}

/** Nothing is said to be wrong with a credential that was not there (RFC 6750 §3.1). */
function challenge({ issuerUrl }: Door, refusal: Refusal, presented: boolean): string {
  const isScope = refusal.code === 'insufficient_scope'
  const parameters = {
    realm: 'remit',
    ...((isScope || presented) && { error: isScope ? 'insufficient_scope' : 'invalid_token' }),
    ...((isScope || presented) && { error_description: quotable(refusal.message) }),
    ...(refusal.detail.missing !== undefined && { scope: refusal.detail.missing.join(' ') }),
    ...(issuerUrl !== undefined && { resource_metadata: resourceMetadataUrl(issuerUrl) }),
  }
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return `Bearer ${pairs.join(', ')}`
}

/** The characters that RFC 6750 §3 allows in an error_description. */
const quotable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')
