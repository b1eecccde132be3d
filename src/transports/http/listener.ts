// The way of every request: through the gate, its body read, answered directly or by its route, and counted.
// Whatever goes wrong on the way is a refusal too.

import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../core/refusal.ts'
import { newestNonce } from '../../operations/request-proof.ts'
import { refused, write } from './answer.ts'
import { discardBody, readBody } from './body.ts'
import { oauthDirect, refusedOnTheWay } from '../oauth/endpoints.ts'
import { certificatesOf, presentedInHeaders } from './credentials.ts'
import type { Arrived, Direct, Door, Env } from './door.ts'
import { Fault } from './faults.ts'
import { gateOf } from './gate.ts'
import { mcpDirect } from './mcp.ts'
import { operationDirect } from './operations.ts'
import { addressOf } from './resource-metadata.ts'
import { routesOf } from './routes.ts'

export function listenerFor(door: Door) {
  const admit = gateOf(door)
  const route = routerOf(door)
  const direct = new Map<string, Direct>([
    ['mcp', mcpDirect(door)],
    ['operations', operationDirect(door)],
    ...Object.entries(oauthDirect(door)),
  ])
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const began = door.metrics.begin()
    const done = () => door.metrics.end(began, incoming.method, incoming.url, outgoing.statusCode)
    try {
      const { isLoopback } = admit(incoming)
      const body = await readBody(incoming, door.settings.mostBodyBytes)
      const arrived = arrive(door, incoming, body, isLoopback)
      // RFC 9449 §8.2: with every answer, the nonce of the next proof.
      if ('dpop' in arrived.headers) outgoing.setHeader('dpop-nonce', newestNonce(door.context))
      const answer = await direct.get(firstSegment(arrived.path))?.(arrived)
      if (door.isStopping()) outgoing.shouldKeepAlive = false
      if (answer === undefined) await route(incoming, outgoing, arrived)
      else write(outgoing, answer)
    } catch (error) {
      giveUp(door, incoming, outgoing, error)
    }
    if (outgoing.writableEnded) done()
    else outgoing.once('close', done)
  }
}

/** Hono on the requests that are not answered directly. */
function routerOf(door: Door) {
  const app = routesOf(door)
  const arrivals = new WeakMap<IncomingMessage, Arrived>()
  const listener = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as Env['Bindings']
      return app.fetch(request, { incoming, outgoing, arrived: arrivals.get(incoming) })
    },
    { overrideGlobalObjects: false },
  )
  return (incoming: IncomingMessage, outgoing: ServerResponse, arrived: Arrived) => {
    arrivals.set(incoming, arrived)
    // Where Hono looks for a body that was read already.
    Object.assign(incoming, { rawBody: arrived.body })
    return listener(incoming, outgoing)
  }
}

function arrive(door: Door, incoming: IncomingMessage, body: Buffer, isLoopback: boolean): Arrived {
  const { method = '', url = '', headers } = incoming
  const [path = ''] = url.split('?', 1)
  const { traceparent } = headers
  return {
    method,
    path,
    hasQuery: url.length > path.length,
    body,
    headers,
    presented: presentedInHeaders(incoming, () => urlOf(door, incoming, path)),
    certificates: () => certificatesOf(incoming),
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    isLoopback,
  }
}

/** As the client addressed it: behind a proxy only the issuer says what that was. */
function urlOf({ issuerUrl }: Door, { headers, socket }: IncomingMessage, path: string): string {
  if (issuerUrl !== undefined) return addressOf(issuerUrl, path)
  return `${'encrypted' in socket ? 'https' : 'http'}://${headers.host ?? ''}${path}`
}

const firstSegment = (path: string): string => path.slice(1).split('/', 1)[0] ?? ''

/** The answer leaves even while the sender is still sending; then the connection ends. */
function giveUp(
  door: Door,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  error: unknown,
): void {
  if (incoming.destroyed && !incoming.complete) return void outgoing.destroy()
  if (!(error instanceof Refusal)) {
    door.context.log.error({ error: String(error) }, 'an HTTP request failed unexpectedly')
  }
  const refusal = error instanceof Refusal ? error : new Refusal('server_error')
  const answer = refusedOnTheWay(door, incoming.url ?? '', refusal) ?? refused(door, refusal)
  if (refusal instanceof Fault && refusal.status === 413 && !outgoing.headersSent) {
    outgoing.writeHead(413, { ...answer.headers, connection: 'close' })
    outgoing.write(answer.body)
    discardBody(incoming, () => outgoing.end())
  } else write(outgoing, answer, !incoming.complete)
}
