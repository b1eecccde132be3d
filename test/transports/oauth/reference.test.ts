// The clients that others use, `oauth4webapi` and `openid-client`, complete every flow; and what is wrong with a
// request is told as `oidc-provider` tells it, which runs beside as a live reference. Where the two differ, the
// row says why.

import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { oidcServer } from '../../support/oidc.ts'
import { accessToken, altered, basic, exchangeType, oauthWorld } from '../../support/oauth.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

test.each([
  ['client_secret_basic', oauth.ClientSecretBasic],
  ['client_secret_post', oauth.ClientSecretPost],
])(
  'oauth4webapi with %s: discovery, tokens, exchange, introspection, revocation',
  async (_, by) => {
    const { w, issuer, address } = await oauthWorld()
    const worker = await w.addAgent('worker', 'demo:*')
    const url = new URL(issuer)
    const found = await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' })
    const as = await oauth.processDiscoveryResponse(url, found)
    const local = { client_id: w.local.id }
    const auth = by(w.local.secret)

    const asked = { scope: 'demo:read tokens:delegate', resource: issuer }
    const minted = await oauth.processClientCredentialsResponse(
      as,
      local,
      await oauth.clientCredentialsGrantRequest(as, local, auth, asked, insecure),
    )
    expect(minted).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: asked.scope })

    const bearer = { authorization: `Bearer ${minted.access_token}` }
    const request = new Request(`${address}/mcp`, { headers: bearer })
    // RFC 9068, by the published keys.
    const claims = await oauth.validateJwtAccessToken(as, request, issuer, {
      ...insecure,
      signingAlgorithms: ['EdDSA'],
    })
    expect(claims).toMatchObject({ client_id: w.local.id, scope: asked.scope })

    const theirs = { client_id: worker.id }
    const exchange = {
      subject_token: minted.access_token,
      subject_token_type: accessToken,
      scope: 'demo:read',
    }
    const exchanged = await oauth.processGenericTokenEndpointResponse(
      as,
      theirs,
      await oauth.genericTokenEndpointRequest(
        as,
        theirs,
        by(worker.secret),
        exchangeType,
        exchange,
        insecure,
      ),
    )
    expect(exchanged).toMatchObject({ issued_token_type: accessToken, scope: 'demo:read' })
    expect(decodeJwt(exchanged.access_token)['act']).toEqual({ sub: worker.id })

    const introspect = async (token: string) =>
      oauth.processIntrospectionResponse(
        as,
        local,
        await oauth.introspectionRequest(as, local, auth, token, insecure),
      )
    expect(await introspect(exchanged.access_token)).toMatchObject({ active: true, iss: issuer })
    const revoked = await oauth.revocationRequest(as, local, auth, minted.access_token, insecure)
    await oauth.processRevocationResponse(revoked)
    expect(await introspect(exchanged.access_token)).toEqual({ active: false })
  },
)

test('oauth4webapi finds the authorization server by the resource', async () => {
  const { issuer } = await oauthWorld()
  const url = new URL(`${issuer}/mcp`)
  const response = await oauth.resourceDiscoveryRequest(url, insecure)
  const resource = await oauth.processResourceDiscoveryResponse(url, response)
  expect(resource).toMatchObject({ resource: url.href, authorization_servers: [issuer] })
})

test('openid-client: discovery, tokens, exchange, introspection, revocation', async () => {
  const { w, issuer } = await oauthWorld()
  const worker = await w.addAgent('worker', 'demo:*')
  const configured = (id: string, secret: string) =>
    client.discovery(new URL(issuer), id, undefined, client.ClientSecretBasic(secret), {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
    })
  const local = await configured(w.local.id, w.local.secret)
  const minted = await client.clientCredentialsGrant(local, { scope: 'demo:* tokens:delegate' })
  expect(minted.expiresIn()).toBeGreaterThan(0)
  const exchanged = await client.genericGrantRequest(
    await configured(worker.id, worker.secret),
    exchangeType,
    {
      subject_token: minted.access_token,
      subject_token_type: accessToken,
      scope: 'demo:write',
    },
  )
  const { access_token } = exchanged
  expect(await client.tokenIntrospection(local, access_token)).toMatchObject({ active: true })
  await client.tokenRevocation(local, minted.access_token)
  expect(await client.tokenIntrospection(local, access_token)).toEqual({ active: false })
  await expect(
    client.clientCredentialsGrant(local, { scope: 'agents:register' }),
  ).rejects.toMatchObject({ status: 400, error: 'invalid_scope' })
})

type Endpoint = 'token_endpoint' | 'introspection_endpoint' | 'revocation_endpoint'

interface Row {
  readonly what: string
  readonly at?: Endpoint
  readonly form?: Record<string, string> | readonly (readonly [string, string])[]
  /** The Authorization header, or whose it is. */
  readonly by?: 'nobody' | 'stranger' | 'wrong' | string
  readonly init?: RequestInit
  readonly expected: string
  /** What the reference answers instead, and why it is not followed. */
  readonly reference?: { readonly answers: string; readonly because: string }
}

const grant_type = 'client_credentials'
const mint = { grant_type, scope: 'known' }

const rows: readonly Row[] = [
  { what: 'a request that is right', form: mint, expected: '200 ' },
  { what: 'an unknown client', by: 'stranger', form: mint, expected: '401 invalid_client Basic' },
  { what: 'a wrong secret', by: 'wrong', form: mint, expected: '401 invalid_client Basic' },
  {
    what: 'no client at all',
    by: 'nobody',
    form: mint,
    expected: '401 invalid_client Basic',
    reference: {
      answers: '400 invalid_request',
      because: 'RFC 6749 §5.2 names "no client authentication included" under invalid_client',
    },
  },
  {
    what: 'two ways of authentication',
    form: { ...mint, client_secret: 'x' },
    expected: '400 invalid_request',
  },
  {
    what: 'another client in the body',
    form: { ...mint, client_id: 'another' },
    expected: '400 invalid_request',
  },
  {
    what: 'a header that is no base64',
    by: 'Basic !',
    form: mint,
    expected: '400 invalid_request',
  },
  {
    what: 'a header without a colon',
    by: `Basic ${Buffer.from('client').toString('base64')}`,
    form: mint,
    expected: '400 invalid_request',
  },
  {
    what: 'a header that is not form-encoded',
    by: `Basic ${Buffer.from('client:%zz').toString('base64')}`,
    form: mint,
    expected: '400 invalid_request',
  },
  {
    what: 'another scheme',
    by: 'Bearer abc',
    form: mint,
    expected: '401 invalid_client Basic',
    reference: {
      answers: '400 invalid_request',
      because: 'RFC 6749 §5.2: an unsupported authentication method is invalid_client',
    },
  },
  { what: 'no grant type', form: { scope: 'known' }, expected: '400 invalid_request' },
  {
    what: 'an unknown grant type',
    form: { ...mint, grant_type: 'urn:unknown' },
    expected: '400 unsupported_grant_type',
  },
  {
    what: 'a parameter that comes twice',
    form: [
      ['grant_type', grant_type],
      ['scope', 'known'],
      ['scope', 'known'],
    ],
    expected: '400 invalid_request',
  },
  {
    what: 'JSON',
    init: { body: JSON.stringify(mint), headers: { 'content-type': 'application/json' } },
    expected: '400 invalid_request',
  },
  {
    what: 'a scope that the client may not have',
    form: { ...mint, scope: 'high' },
    expected: '400 invalid_scope',
  },
  {
    what: 'a scope that is not known',
    form: { ...mint, scope: 'unknown' },
    expected: '400 invalid_scope',
    reference: {
      answers: '200 ',
      because: 'what nobody registered is left out there; here nothing is clamped (RFC 6749 §3.3)',
    },
  },
  {
    what: 'no scope',
    form: { grant_type },
    expected: '400 invalid_scope',
    reference: {
      answers: '200 ',
      because: 'RFC 6749 §3.3 allows a default or a refusal; here absence never grants',
    },
  },
  {
    what: 'a resource that is not known',
    form: { ...mint, resource: 'urn:unknown' },
    expected: '400 invalid_target',
  },
  {
    what: 'a resource with a fragment',
    form: { ...mint, resource: 'https://x.test/#y' },
    expected: '400 invalid_target',
  },
  {
    what: 'GET',
    init: { method: 'GET' },
    expected: '405 invalid_request',
    reference: { answers: '404 ', because: 'the path is there, the method is not' },
  },
  { what: 'no token', at: 'introspection_endpoint', form: {}, expected: '400 invalid_request' },
  {
    what: 'an unknown token',
    at: 'introspection_endpoint',
    form: { token: 'unknown' },
    expected: '200 ',
  },
  {
    what: 'a wrong secret',
    at: 'introspection_endpoint',
    by: 'wrong',
    form: { token: 'unknown' },
    expected: '401 invalid_client Basic',
  },
  { what: 'no token', at: 'revocation_endpoint', form: {}, expected: '400 invalid_request' },
  {
    what: 'an unknown token',
    at: 'revocation_endpoint',
    form: { token: 'unknown', token_type_hint: 'pet' },
    expected: '200 ',
  },
  {
    what: 'a wrong secret',
    at: 'revocation_endpoint',
    by: 'wrong',
    form: { token: 'unknown' },
    expected: '401 invalid_client Basic',
  },
]

test('every fault is told as the reference tells it, or differently for a reason', async () => {
  const o = await oauthWorld()
  const ours = {
    endpoints: await metadataOf(o.issuer, 'oauth2'),
    id: o.w.local.id,
    secret: o.w.local.secret,
    strangerId: o.w.context.newId('agt'),
    scopes: { known: 'demo:read', high: 'agents:register', unknown: 'nothing:read' },
  }
  const theirs = {
    endpoints: await metadataOf(await oidcServer(), 'oidc'),
    id: 'client',
    secret: 'secret',
    strangerId: 'stranger',
    scopes: { known: 'read', high: 'write', unknown: 'nothing' },
  }
  for (const row of rows) {
    const named = `${row.at ?? 'token_endpoint'}: ${row.what}`
    expect([named, await answerOf(ours, row)]).toEqual([
      named,
      { told: row.expected, stored: 'no-store' },
    ])
    const told = row.reference?.answers ?? row.expected
    expect([named, (await answerOf(theirs, row)).told]).toEqual([named, told])
  }
})

async function metadataOf(issuer: string, algorithm: 'oauth2' | 'oidc') {
  const url = new URL(issuer)
  const response = await oauth.discoveryRequest(url, { ...insecure, algorithm })
  return oauth.processDiscoveryResponse(url, response)
}

interface Side {
  readonly endpoints: oauth.AuthorizationServer
  readonly id: string
  readonly secret: string
  readonly strangerId: string
  readonly scopes: Readonly<Record<string, string>>
}

/** The status, the error, and the scheme by which one is asked to get in (RFC 6749 §5.2). */
async function answerOf(side: Side, { at = 'token_endpoint', form, by, init }: Row) {
  const { id, secret, strangerId, scopes, endpoints } = side
  const headers =
    by === 'nobody'
      ? {}
      : by === 'stranger'
        ? basic(strangerId, secret)
        : by === 'wrong'
          ? basic(id, altered(secret))
          : by === undefined
            ? basic(id, secret)
            : { authorization: by }
  const pairs = (Array.isArray(form) ? form : Object.entries(form ?? {})) as [string, string][]
  const body = new URLSearchParams(
    pairs.map(([name, value]): [string, string] => [
      name,
      name === 'scope' ? (scopes[value] ?? value) : value,
    ]),
  )
  const response = await fetch(endpoints[at] ?? '', {
    method: 'POST',
    ...(init?.method === 'GET' ? {} : { body }),
    ...init,
    headers: { ...headers, ...(init?.headers as Record<string, string>) },
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  const { error = '' } = (isJson ? JSON.parse(text) : {}) as { error?: string }
  const [scheme = ''] = (response.headers.get('www-authenticate') ?? '').split(' ')
  return {
    told: `${response.status} ${error}${scheme === '' ? '' : ` ${scheme}`}`,
    stored: response.headers.get('cache-control'),
  }
}
