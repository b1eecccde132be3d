// What anyone may have without being authenticated: the public keys (RFC 7517) and the deny-list, for servers
// that verify tokens by themselves.

import { Refusal } from '../../core/refusal.ts'
import { publicDenyList, publicKeys } from '../../operations/public-keys.ts'
import type { Ask, Routes } from './door.ts'

export const keyRoutes: Routes = (app, { context }) => {
  app.get('/jwks', async (ask) => {
    const type = 'application/jwk-set+json'
    return ask.body(JSON.stringify(await publicKeys(context)), 200, { 'content-type': type })
  })
  // A list is good for seconds: whatever kept it for longer would only have it refused.
  app.get('/deny-list', async (ask) =>
    ask.body(await publicDenyList(context, sinceOf(ask)), 200, {
      'content-type': 'application/jwt',
      'cache-control': 'no-store',
    }),
  )
}

function sinceOf(ask: Ask): number | undefined {
  const [since, ...more] = ask.req.queries('since') ?? []
  if (since === undefined) return undefined
  if (more.length === 0 && /^(?:0|[1-9]\d{0,14})$/.test(since)) return Number(since)
  throw new Refusal('invalid_request', { message: 'since is the version of a list, given once.' })
}
