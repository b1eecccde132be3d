// How an answer leaves over HTTP. A refusal has the status of its code (core/refusal.ts), the error object of
// every door, and the headers that say what to do next (RFC 6750 §3, RFC 9728 §5.1, RFC 9110 §10.2.3).

import type { ServerResponse } from 'node:http'
import { httpStatusOf } from '../../core/refusal.ts'
import type { Refusal } from '../../core/refusal.ts'
import { proofAlgorithms } from '../../operations/request-proof.ts'
import type { Arrived, Ask, Door } from './door.ts'
import { Fault } from './faults.ts'
import { resourceMetadataUrl } from './resource-metadata.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What it holds is for whoever asked, and at times a token. */
const asJson = { 'content-type': 'application/json', 'cache-control': 'no-store' }

export const json = (status: number, value: object, headers = {}): Answer => ({
  status,
  headers: { ...asJson, ...headers },
  body: JSON.stringify(value),
})

/** `arrived` tells whether anything was presented; absent, nobody looked. */
export const refused = (door: Door, refusal: Refusal, arrived?: Arrived): Answer =>
  json(statusOf(refusal), { error: refusal.toError() }, headersOf(door, refusal, arrived))

/** The same for routes of Hono. */
export function refuse(ask: Ask, door: Door, refusal: Refusal): Response {
  const { status, headers, body } = refused(door, refusal, ask.env.arrived)
  return new Response(body, { status, headers: { ...headers } })
}

/** Writes an answer; `closing` says that the connection is of no more use. */
export function write(outgoing: ServerResponse, answer: Answer, closing = false): void {
  if (outgoing.headersSent) return void outgoing.destroy()
  const headers = ['content-length', String(Buffer.byteLength(answer.body))]
  for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
  if (closing) headers.push('connection', 'close')
  outgoing.writeHead(answer.status, headers).end(answer.body)
}

export const statusOf = (refusal: Refusal): number =>
  refusal instanceof Fault ? refusal.status : httpStatusOf(refusal.code)

/** What goes with a refusal besides its body. */
export function headersOf(
  door: Door,
  refusal: Refusal,
  arrived?: Arrived,
): Readonly<Record<string, string>> {
  const status = statusOf(refusal)
  const isChallenged = status === 401 || refusal.code === 'insufficient_scope'
  return {
    ...(refusal instanceof Fault && refusal.headers),
    ...(isChallenged && { 'www-authenticate': challenge(door, refusal, arrived) }),
    ...((status === 429 || status === 503) && { 'retry-after': '1' }),
  }
}

/** Of a credential that was not there nothing is said to be wrong (RFC 6750 §3.1). */
function challenge({ issuerUrl }: Door, refusal: Refusal, arrived: Arrived | undefined): string {
  const isScope = refusal.code === 'insufficient_scope'
  const isWrong = isScope || arrived?.presented !== undefined
  const isDpop = wantsProof(refusal, arrived)
  const parameters = {
    realm: 'remit',
    ...(isWrong && { error: isScope ? 'insufficient_scope' : errorOf(refusal, isDpop) }),
    ...(isWrong && { error_description: quotable(refusal.message) }),
    ...(refusal.detail.missing !== undefined && { scope: refusal.detail.missing.join(' ') }),
    ...(issuerUrl !== undefined && { resource_metadata: resourceMetadataUrl(issuerUrl) }),
    ...(isDpop && { algs: proofAlgorithms.join(' ') }),
  }
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return `${isDpop ? 'DPoP' : 'Bearer'} ${pairs.join(', ')}`
}

/** Whether the caller came with a DPoP proof, or came without where its token is bound (RFC 9449 §7.1). */
function wantsProof({ detail }: Refusal, arrived: Arrived | undefined): boolean {
  const { presented, headers } = arrived ?? {}
  if (presented?.kind === 'unusable') return /^dpop /i.test(String(headers?.['authorization']))
  if (presented?.kind !== 'token') return false
  return presented.over?.scheme === 'DPoP' || detail.finding === 'unproven_token'
}

/** A proof that is merely without our nonce is asked for again with it (RFC 9449 §9). */
function errorOf({ code, detail }: Refusal, isDpop: boolean): string {
  if (!isDpop) return 'invalid_token'
  if (detail.reason === 'use_dpop_nonce') return 'use_dpop_nonce'
  const isProof = code === 'replay_detected' || detail.finding === 'unproven_token'
  return isProof && detail.reason !== 'no_proof' ? 'invalid_dpop_proof' : 'invalid_token'
}

/** The characters that RFC 6750 §3 allows in an error_description. */
const quotable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')
