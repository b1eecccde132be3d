// What is asked of every request before its body is read: where it comes from, by which name and page it
// addresses us, that it says each thing once, and that nobody asks too much.

import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { isIP } from 'node:net'
import type { Door } from './door.ts'
import { Fault } from './faults.ts'
import { allowedHosts, allowedOrigins, hostNameIn, isLoopback, listOf } from './names.ts'

export interface Admitted {
  readonly source: string
  /** From this very machine, by a name of this machine. */
  readonly isLoopback: boolean
}

/** Lets a request in; refuses with a `Fault`. */
export function gateOf({
  settings,
  issuerUrl,
  limits,
}: Door): (incoming: IncomingMessage) => Admitted {
  const hosts = allowedHosts(settings, issuerUrl)
  const origins = allowedOrigins(settings, issuerUrl)
  const proxies = listOf(settings.trustedProxies)
  const isOpen = settings.tls === undefined && !isLoopback(settings.host)
  return (incoming) => {
    const { url = '', headers, socket } = incoming
    const peer = socket.remoteAddress ?? ''
    const isProxy = settings.trustedProxies.length > 0 && isIn(proxies, peer)
    if (isOpen && !isProxy) throw new Fault('in_the_clear')
    if (!limits.source(isProxy ? forwardedFor(headers['x-forwarded-for'], peer) : peer)) {
      throw new Fault('too_many')
    }
    refuseDoubled(incoming.rawHeaders)
    if (!url.startsWith('/')) throw new Fault('bad_target')
    const host = hostNameIn(headers.host)
    if (host === undefined || !hosts.has(host)) throw new Fault('foreign_host')
    if (headers.origin !== undefined && !origins(headers.origin)) throw new Fault('foreign_origin')
    if (headers['content-encoding'] !== undefined) throw new Fault('encoded')
    refuseMisplaced(url, headers.cookie)
    const { authorization } = headers
    if (authorization !== undefined && !limits.caller(authorization)) throw new Fault('too_many')
    // What a proxy passes on is somebody else's, wherever the proxy stands.
    const isPassedOn = isProxy || 'x-forwarded-for' in headers || 'forwarded' in headers
    return { source: peer, isLoopback: !isPassedOn && isLoopback(peer) && isLoopback(host) }
  }
}

/** What must not be said twice, because others may read the other one. */
const single: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'dpop',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'origin',
  'traceparent',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
])

function refuseDoubled(rawHeaders: readonly string[]): void {
  let seen: string[] | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    if (!single.has(name)) continue
    if (seen?.includes(name) === true) throw new Fault('doubled')
    seen = [...(seen ?? []), name]
  }
}

/** Our secrets and any JWT, and the parameter that RFC 6750 §2.3 names. */
const credentialLike = /(?:^|[?&;\s])access_token=|rmt_[a-z]{3}_|eyJ[\w-]{8,}(?:\.|%2e)/i

function refuseMisplaced(url: string, cookie: string | undefined): void {
  const query = url.indexOf('?')
  if (query !== -1 && credentialLike.test(url.slice(query))) throw new Fault('misplaced')
  if (cookie !== undefined && credentialLike.test(cookie)) throw new Fault('misplaced')
}

const isIn = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** The last address is the one that the trusted proxy itself saw. */
function forwardedFor(header: string | string[] | undefined, peer: string): string {
  const last =
    String(header ?? '')
      .split(',')
      .at(-1)
      ?.trim() ?? ''
  return isIP(last) === 0 ? peer : last
}
