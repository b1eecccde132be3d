// What every HTTP route works with: the store's context, how this door is set, and what has arrived. Routes
// never read the socket: host, origin, size and time of a request were settled before (listener.ts).

import type { HttpBindings } from '@hono/node-server'
import type { Context as HonoContext, Hono } from 'hono'
import type { Context } from '../../authority/context.ts'
import type { Presented } from '../../authority/presented.ts'
import type { RefusalError } from '../../core/refusal.ts'

/** How `remit serve` is set; config.ts reads it. */
export interface HttpSettings {
  readonly host: string
  readonly port: number
}

export interface Door {
  readonly context: Context
  readonly settings: HttpSettings
  /** This server's own address, where its issuer is one; OAuth's routes exist only then. */
  readonly issuerUrl?: string
}

/** A request whose body was read, within its limits. */
export interface Arrived {
  readonly body: Buffer
  /** What its header or certificate presents; refuses as `invalid_client` what is there and cannot be used. */
  presented(): Presented | undefined
  readonly traceparent?: string
}

export interface Env {
  readonly Bindings: HttpBindings & { readonly arrived: Arrived }
}

export type App = Hono<Env>
export type Ask = HonoContext<Env>

/** Adds the routes of one group. */
export type Routes = (app: App, door: Door) => void

/** The body of every refusal. */
export interface RefusalBody {
  readonly error: RefusalError
}
