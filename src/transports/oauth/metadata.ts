// What clients read before they ask: the metadata of the authorization server (RFC 8414) and of the resource
// that it is itself (RFC 9728). RFC 9207 speaks of authorization responses, of which there are none here; what
// has an issuer to name are tokens and introspections, and they do.

import { proofAlgorithms } from '../../operations/request-proof.ts'
import type { Routes } from '../http/door.ts'
import { addressOf, mcpAddress, wellKnownUrl } from '../http/resource-metadata.ts'
import { methodsSupported, signaturesSupported } from './client-authentication.ts'
import { grantTypesSupported } from './grant-types.ts'

export const metadataRoutes: Routes = (app, door) => {
  const { issuerUrl } = door
  if (issuerUrl === undefined) return
  const server = authorizationServer(issuerUrl, methodsSupported(door))
  // At the root too, for whoever knows the host alone; the path of an issuer goes behind (RFC 8414 §3.1).
  const addresses = [new URL('/', issuerUrl).href, issuerUrl]
  for (const at of new Set(
    addresses.map((address) => placeOf(address, 'oauth-authorization-server')),
  )) {
    app.get(at, (ask) => ask.json(server, 200, kept))
  }
  // The metadata names the very resource that its address was made from (RFC 9728 §3.3).
  for (const resource of [issuerUrl, mcpAddress(issuerUrl)]) {
    const described = protectedResource(issuerUrl, resource)
    app.get(placeOf(resource, 'oauth-protected-resource'), (ask) => ask.json(described, 200, kept))
  }
}

const placeOf = (address: string, suffix: string): string =>
  new URL(wellKnownUrl(address, suffix)).pathname

const kept = { 'cache-control': 'public, max-age=300' }

const authorizationServer = (issuer: string, methods: readonly string[]) => ({
  issuer,
  token_endpoint: addressOf(issuer, '/token'),
  introspection_endpoint: addressOf(issuer, '/introspect'),
  revocation_endpoint: addressOf(issuer, '/revoke'),
  jwks_uri: addressOf(issuer, '/jwks'),
  // For MCP servers that were invited: it takes no one without an initial access token.
  registration_endpoint: addressOf(issuer, '/register'),
  // No grant type here uses it, and RFC 8414 §2 then lets it go; the clients of MCP do not.
  authorization_endpoint: addressOf(issuer, '/authorize'),
  response_types_supported: [],
  grant_types_supported: grantTypesSupported,
  ...clientAuthentication('token_endpoint', methods),
  ...clientAuthentication('introspection_endpoint', methods),
  ...clientAuthentication('revocation_endpoint', methods),
  // RFC 8705 §3.3: whoever comes by a certificate gets tokens bound to it.
  tls_client_certificate_bound_access_tokens: methods.includes('tls_client_auth'),
  dpop_signing_alg_values_supported: proofAlgorithms,
  protected_resources: [issuer, mcpAddress(issuer)],
})

const clientAuthentication = (endpoint: string, methods: readonly string[]) => ({
  [`${endpoint}_auth_methods_supported`]: methods,
  [`${endpoint}_auth_signing_alg_values_supported`]: signaturesSupported,
})

/** Which scopes one may ask for depends on who asks, so none are listed. */
const protectedResource = (issuer: string, resource: string) => ({
  resource,
  authorization_servers: [issuer],
  bearer_methods_supported: ['header'],
  dpop_signing_alg_values_supported: proofAlgorithms,
  resource_name: 'Remit',
})
