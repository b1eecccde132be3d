// The public keys, for anyone (RFC 7517).

import { publicKeys } from '../../operations/public-keys.ts'
import type { Routes } from './door.ts'

export const keyRoutes: Routes = (app, { context }) => {
  app.get('/jwks', async (ask) => {
    const type = 'application/jwk-set+json'
    return ask.body(JSON.stringify(await publicKeys(context)), 200, { 'content-type': type })
  })
}
