// Every route there is, by its group: a new group of routes is one more line here, and has what all have in
// common from the listener. Groups that speak OAuth stand in `oauthRoutes`, which exist only where the issuer
// is an address. What is answered most, calls of operations and tools, does not come here (listener.ts).

import { Hono } from 'hono'
import { Refusal } from '../../core/refusal.ts'
import { authorizationRoutes } from '../oauth/authorize.ts'
import { registrationRoutes } from '../oauth/register.ts'
import { metadataRoutes } from '../oauth/metadata.ts'
import { refuse } from './answer.ts'
import type { App, Ask, Door, Env, Routes } from './door.ts'
import { wrongMethod } from './faults.ts'
import { healthRoutes } from './health.ts'
import { keyRoutes } from './keys.ts'
import { mcpRoutes } from './mcp-sdks.ts'
import { metricsRoutes } from './metrics.ts'

const always: readonly Routes[] = [mcpRoutes, keyRoutes, healthRoutes, metricsRoutes]
const oauthRoutes: readonly Routes[] = [metadataRoutes, registrationRoutes, authorizationRoutes]

export function routesOf(door: Door): App {
  // The path as it was sent: another spelling of it must not reach a route past what is answered directly.
  const app = new Hono<Env>({ getPath: (_, options) => options?.env?.arrived.path ?? '' })
  for (const add of always) add(app, door)
  if (door.issuerUrl !== undefined) for (const add of oauthRoutes) add(app, door)
  app.notFound((ask) => refuse(ask, door, notHere(app, ask)))
  app.onError((error, ask) => {
    if (error instanceof Refusal) return refuse(ask, door, error)
    door.context.log.error({ error: String(error) }, 'an HTTP request failed unexpectedly')
    return refuse(ask, door, new Refusal('server_error'))
  })
  return app
}

const methods = ['GET', 'POST', 'PUT', 'DELETE']

function notHere(app: App, { req: { path } }: Ask): Refusal {
  const allowed = methods.filter((method) => app.router.match(method, path)[0].length > 0)
  return allowed.length > 0
    ? wrongMethod(allowed.join(', '))
    : new Refusal('not_found', { message: 'There is nothing under that path.' })
}
