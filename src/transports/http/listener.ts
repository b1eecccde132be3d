// What every request goes through before its route: its body is read within the limit, and what it presents
// and belongs to is taken from its headers.

import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../../core/refusal.ts'
import { readBody } from './body.ts'
import { presentedInHeaders } from './credentials.ts'
import type { Arrived, Door, Env } from './door.ts'
import { routesOf } from './routes.ts'
import { writeRefusal } from './answer.ts'

const mostBytes = 1024 * 1024

export function listenerFor(door: Door) {
  const app = routesOf(door)
  const arrivals = new WeakMap<IncomingMessage, Arrived>()
  const route = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as Env['Bindings']
      const arrived = arrivals.get(incoming)
      return app.fetch(request, { incoming, outgoing, arrived })
    },
    { overrideGlobalObjects: false },
  )

  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    try {
      const arrived = arrive(door, incoming, await readBody(incoming, mostBytes))
      arrivals.set(incoming, arrived)
      // Where Hono looks for a body that was read already.
      Object.assign(incoming, { rawBody: arrived.body })
      await route(incoming, outgoing)
    } catch (error) {
      if (!(error instanceof Refusal))
        door.context.log.error({ error: String(error) }, 'a request broke off')
      writeRefusal(outgoing, door, error instanceof Refusal ? error : new Refusal('server_error'))
    }
  }
}

function arrive(door: Door, incoming: IncomingMessage, body: Buffer): Arrived {
  const traceparent = incoming.headers['traceparent']
  return {
    body,
    presented: () => presentedInHeaders(incoming, urlOf(door, incoming)),
    ...(typeof traceparent === 'string' && { traceparent }),
  }
}

/** As the client addressed it: the host was checked, and only TLS and the issuer say whether it was https. */
function urlOf({ issuerUrl }: Door, { url = '', headers, socket }: IncomingMessage): string {
  const [path = ''] = url.split('?')
  if (issuerUrl !== undefined) return new URL(path, issuerUrl).href
  return `${'encrypted' in socket ? 'https' : 'http'}://${headers.host ?? ''}${path}`
}
