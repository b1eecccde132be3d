// Where the remote Remit is. A credential goes there, so it must be https, or the loopback, and say nothing
// but a place.

import { Refusal } from '../../core/refusal.ts'
import { isLoopback } from '../http/names.ts'

export interface RemoteAddress {
  readonly origin: string
  /** Of its MCP endpoint. */
  readonly mcp: string
}

/** The address in `--url`: of the server, or of its MCP endpoint. */
export function remoteAddress(text: string): RemoteAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw bad('is not the https address of a Remit')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw bad('must hold no user, query or fragment')
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw bad('is plain http: a credential travels over https, or to the loopback')
  }
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  return { origin: url.origin, mcp: base.endsWith('/mcp') ? base : `${base}/mcp` }
}

/** Unechoed: what was meant as an address may hold a secret. */
const bad = (why: string): Refusal =>
  new Refusal('invalid_request', {
    message: `The address in --url ${why}.`,
    remedy: { text: 'Give it as https://host, as `remit serve` is reached.' },
  })
