// oidc-provider, the reference that OAuth's endpoints are compared with: one client, its tokens in memory.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { errors, Provider } from 'oidc-provider'

/** Where its endpoints are, as its metadata says. */
export async function oidcServer(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'client',
        client_secret: 'secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'read',
      },
    ],
    scopes: ['read', 'write'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => {
          if (resource === 'urn:known') return { scope: 'read', accessTokenFormat: 'opaque' }
          throw new errors.InvalidTarget()
        },
      },
    },
  })
  const handle = provider.callback()
  server.on('request', (incoming, outgoing) => void handle(incoming, outgoing))
  return issuer
}
