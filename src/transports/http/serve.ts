// The HTTP server: listens, and stops in an orderly way. Nobody holds it up: headers, bodies and idle
// connections have their time, and what was taken in when it is told to stop is answered.

import { createServer } from 'node:http'
import type { Server, ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Context } from '../../authority/context.ts'
import type { Door, HttpSettings, Tls } from './door.ts'
import { createLimits } from './limits.ts'
import { listenerFor } from './listener.ts'
import { createMetrics } from './metrics.ts'
import { refuseBroken } from './broken.ts'

export interface ServeOptions {
  readonly context: Context
  readonly settings: HttpSettings
  /** Where this server is reached, if its issuer is an address. */
  readonly issuerUrl?: string
  readonly patience?: Partial<Patience>
}

/** In milliseconds. */
export interface Patience {
  readonly headers: number
  /** For a request as a whole, its body included. */
  readonly request: number
  readonly idle: number
  /** For what is being answered when the server is told to stop. */
  readonly drain: number
}

const usual: Patience = { headers: 10_000, request: 30_000, idle: 10_000, drain: 10_000 }

const sweepMs = 20

export interface Serving {
  /** Such as `http://127.0.0.1:8420`. */
  readonly url: string
  /** Shows new connections this certificate. Throws where it does not fit its key, and nothing changes. */
  renew(tls: Tls): void
  /** Takes in nothing more, and settles when every request has been answered or had its time. */
  stop(): Promise<void>
}

/** A door that nobody has opened yet; `stop` ends what would hold open connections. */
export function doorFor({ context, settings, issuerUrl }: ServeOptions) {
  const stops: (() => Promise<void>)[] = []
  let isStopping = false
  const door: Door = {
    context,
    settings,
    ...(issuerUrl !== undefined && { issuerUrl }),
    limits: createLimits(settings.perSource, settings.perCaller),
    metrics: createMetrics(),
    isStopping: () => isStopping,
    onStop: (stop) => void stops.push(stop),
  }
  const stop = async () => {
    isStopping = true
    await Promise.all(stops.map((each) => each()))
  }
  return { door, stop }
}

export async function serveHttp(options: ServeOptions): Promise<Serving> {
  const { settings } = options
  const times = { ...usual, ...options.patience }
  const { door, stop } = doorFor(options)
  const server = serverFor(settings, times).on('request', listenerFor(door))
  server.on('clientError', refuseBroken)
  await listening(server, settings)
  return {
    url: urlOf(server, settings),
    renew: (tls) => (server as TlsServer).setSecureContext(secured(tls)),
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      const cut = setTimeout(() => server.closeAllConnections(), times.drain)
      await stop()
      // A connection whose answer has left is idle from then on.
      const sweep = setInterval(() => server.closeIdleConnections(), sweepMs)
      server.closeIdleConnections()
      await closed
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}

function serverFor({ tls }: HttpSettings, { headers, request, idle }: Patience): Server {
  const options: ServerOptions = {
    headersTimeout: headers,
    requestTimeout: request,
    keepAliveTimeout: idle,
    connectionsCheckingInterval: Math.min(1000, headers),
    maxHeaderSize: 16 * 1024,
  }
  if (tls === undefined) return createServer(options)
  return createTlsServer({
    ...options,
    ...secured(tls),
    // Which certificates are believed is said by an agent's credential, not by this connection.
    requestCert: tls.clientCertificates,
    rejectUnauthorized: false,
  })
}

const secured = ({ cert, key }: Tls) => ({ cert, key, minVersion: 'TLSv1.2' }) as const

const listening = (server: Server, { host, port }: HttpSettings): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

function urlOf(server: Server, { tls }: HttpSettings): string {
  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
}
