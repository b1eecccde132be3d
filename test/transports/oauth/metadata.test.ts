// What clients read before they ask (RFC 8414, RFC 9728), at the root of a host and below a path.

import { expect, test } from 'vitest'
import { bearer, overHttp } from '../../support/http.ts'
import { errorOf, oauthWorld } from '../../support/oauth.ts'
import { world } from '../../support/world.ts'

const read = { method: 'GET' }
const methods = expect.arrayContaining([
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]) as unknown

const signatures = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256']

test('the authorization server says what it does', async () => {
  const { issuer, send } = await oauthWorld()
  const answer = await send('/.well-known/oauth-authorization-server', read)
  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({
    issuer,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/authorize`,
    registration_endpoint: `${issuer}/register`,
    response_types_supported: [],
    grant_types_supported: [
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    token_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: signatures,
    introspection_endpoint_auth_signing_alg_values_supported: signatures,
    revocation_endpoint_auth_signing_alg_values_supported: signatures,
    tls_client_certificate_bound_access_tokens: false,
    dpop_signing_alg_values_supported: expect.arrayContaining(['EdDSA', 'ES256']),
    protected_resources: [issuer, `${issuer}/mcp`],
  })
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
})

test('a resource’s metadata names the resource that its address was made from', async () => {
  const { issuer, send } = await oauthWorld()
  for (const [at, resource] of [
    ['', issuer],
    ['/mcp', `${issuer}/mcp`],
  ]) {
    const { status, body } = await send(`/.well-known/oauth-protected-resource${at}`, read)
    expect([status, body]).toEqual([
      200,
      {
        resource,
        authorization_servers: [issuer],
        bearer_methods_supported: ['header'],
        dpop_signing_alg_values_supported: expect.arrayContaining(['EdDSA', 'ES256']),
        resource_name: 'Remit',
      },
    ])
  }
})

test('the path of an issuer goes behind the well-known part', async () => {
  const { issuer, send } = await oauthWorld({ path: '/remit' })
  for (const [at, member, value] of [
    ['/.well-known/oauth-authorization-server/remit', 'issuer', issuer],
    ['/.well-known/oauth-authorization-server/remit', 'token_endpoint', `${issuer}/token`],
    ['/.well-known/oauth-authorization-server', 'issuer', issuer],
    ['/.well-known/oauth-protected-resource/remit', 'resource', issuer],
    ['/.well-known/oauth-protected-resource/remit/mcp', 'resource', `${issuer}/mcp`],
  ] as const) {
    expect([at, (await send(at, read)).body[member]]).toEqual([at, value])
  }
})

test('whoever is refused at /mcp is told where to read on', async () => {
  const { address, issuer, send } = await oauthWorld()
  const answer = await send('/operations/whoami', {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', ...bearer('wrong') },
  })
  const [, url = ''] = /resource_metadata="([^"]+)"/.exec(
    answer.headers.get('www-authenticate') ?? '',
  ) ?? ['', '']
  const { body } = await send(url.slice(address.length), read)
  expect(body['resource']).toBe(`${issuer}/mcp`)
})

test('endpoints take POST and nothing else; there is no authorization endpoint', async () => {
  const { send } = await oauthWorld()
  for (const path of ['/token', '/introspect', '/revoke']) {
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await send(path, { method })
      expect([path, method, errorOf(answer)]).toEqual([path, method, '405 invalid_request'])
      expect(answer.headers.get('allow')).toBe('POST')
    }
  }
  const asked = await send('/authorize?response_type=code&client_id=x', { method: 'GET' })
  expect(errorOf(asked)).toBe('400 unsupported_response_type')
})

test('where the issuer is no address, none of these doors is there', async () => {
  const http = await overHttp(await world())
  for (const path of ['/token', '/introspect', '/revoke', '/authorize']) {
    expect([path, (await http.post(path, {})).status]).toEqual([path, 404])
  }
  const { status } = await fetch(`${http.url}/.well-known/oauth-authorization-server`)
  expect(status).toBe(404)
})
