// What every HTTP route works with: the store's context, how this door is set, and what has arrived. Routes
// never read the socket: host, origin, size and rate of a request were settled before (gate.ts).

import type { HttpBindings } from '@hono/node-server'
import type { Context as HonoContext, Hono } from 'hono'
import type { Context } from '../../authority/context.ts'
import type { Presented } from '../../authority/presented.ts'
import type { Answer } from './answer.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'

/** How `remit serve` is set; config/http.ts reads it. */
export interface HttpSettings {
  readonly host: string
  readonly port: number
  /** Host names that this server is addressed by, besides its issuer's. */
  readonly allowedHosts: readonly string[]
  /** Origins, as browsers name them, from which it may be called. */
  readonly allowedOrigins: readonly string[]
  /** Addresses or CIDR ranges of the proxies that end TLS in front of it. */
  readonly trustedProxies: readonly string[]
  /** Requests per second. */
  readonly perSource: number
  readonly perCaller: number
  readonly mostBodyBytes: number
  /** Who may read `/metrics`. */
  readonly metrics: 'loopback' | 'all'
  readonly tls?: Tls
}

export interface Tls {
  readonly cert: string
  readonly key: string
  /** Whether clients are asked for a certificate. */
  readonly clientCertificates: boolean
}

export interface Door {
  readonly context: Context
  readonly settings: HttpSettings
  /** This server's own address, where its issuer is one; OAuth's routes exist only then. */
  readonly issuerUrl?: string
  readonly limits: Limits
  readonly metrics: Metrics
  /** Whether this server takes in nothing new, because it was told to stop. */
  isStopping(): boolean
  /** What must end before open connections can. */
  onStop(stop: () => Promise<void>): void
}

/** A request that was let in, its body read within the limit. */
export interface Arrived {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly hasQuery: boolean
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** What its header or its certificate presents. */
  readonly presented: Presented | undefined
  /** Of its TLS connection, whatever else it presents; the client's own first. */
  readonly certificates: () => readonly Buffer[] | undefined
  readonly traceparent: string | undefined
  readonly isLoopback: boolean
}

/** Answers a request at once, without the router; `undefined` leaves it to the routes. */
export type Direct = (arrived: Arrived) => Promise<Answer | undefined>

export interface Env {
  readonly Bindings: HttpBindings & { readonly arrived: Arrived }
}

export type App = Hono<Env>
export type Ask = HonoContext<Env>

/** Adds the routes of one group. */
export type Routes = (app: App, door: Door) => void
