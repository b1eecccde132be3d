// Every route there is, by its group: a new group of routes is one more line here, and then has what all have
// in common from listener.ts. Groups that speak OAuth stand among `oauthRoutes`, which exist only where the
// issuer is an address that others can reach.

import { Hono } from 'hono'
import { Refusal } from '../../core/refusal.ts'
import { authorizationRoutes } from '../oauth/authorize.ts'
import { introspectionRoutes } from '../oauth/introspect.ts'
import { metadataRoutes } from '../oauth/metadata.ts'
import { revocationRoutes } from '../oauth/revoke.ts'
import { tokenRoutes } from '../oauth/token.ts'
import { refuse } from './answer.ts'
import type { App, Door, Env, Routes } from './door.ts'
import { keyRoutes } from './keys.ts'
import { mcpRoutes } from './mcp.ts'
import { operationRoutes } from './operations.ts'

const always: readonly Routes[] = [operationRoutes, mcpRoutes, keyRoutes]
const oauthRoutes: readonly Routes[] = [
  metadataRoutes,
  tokenRoutes,
  introspectionRoutes,
  revocationRoutes,
  authorizationRoutes,
]

export function routesOf(door: Door): App {
  const app = new Hono<Env>()
  for (const add of always) add(app, door)
  if (door.issuerUrl !== undefined) for (const add of oauthRoutes) add(app, door)
  app.notFound((ask) => refuse(ask, door, new Refusal('not_found')))
  app.onError((error, ask) => {
    if (error instanceof Refusal) return refuse(ask, door, error)
    door.context.log.error({ error: String(error) }, 'an HTTP request failed unexpectedly')
    return refuse(ask, door, new Refusal('server_error'))
  })
  return app
}
