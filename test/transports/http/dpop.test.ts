// DPoP (RFC 9449) by clients that are not ours: a token bound to their key from the token endpoint, used at
// every door with a proof of each request; and everything that a thief could try without the key.

import * as dpop from 'dpop'
import * as oauth from 'oauth4webapi'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { accessToken, errorOf, exchangeType, oauthWorld } from '../../support/oauth.ts'
import type { OAuthWorld } from '../../support/oauth.ts'
import { mintToken } from '../../../src/operations/mint-token.ts'
import { codeOf } from '../../attacks/attack.ts'

// The clients' clock is the world's.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))
afterEach(() => void vi.useRealTimers())

const insecure = { [oauth.allowInsecureRequests]: true }
const scope = 'demo:read tokens:delegate'

/** As oauth4webapi does it: asked for a nonce, it asks again with that. */
async function client(o: OAuthWorld) {
  const issuer = new URL(o.issuer)
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  const as = await oauth.processDiscoveryResponse(issuer, discovered)
  const me: oauth.Client = { client_id: o.w.local.id }
  const keys = await oauth.generateKeyPair('ES256', { extractable: true })
  const DPoP = oauth.DPoP(me, keys)
  const secret = oauth.ClientSecretPost(o.w.local.secret)
  const options = { DPoP, ...insecure }
  const ask = async (): Promise<oauth.TokenEndpointResponse> => {
    const answer = await oauth.clientCredentialsGrantRequest(as, me, secret, { scope }, options)
    return oauth.processClientCredentialsResponse(as, me, answer)
  }
  const again = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request()
    } catch (error) {
      if (oauth.isDPoPNonceError(error)) return request()
      throw error
    }
  }
  return { as, DPoP, ask: () => again(ask), again }
}

test('oauth4webapi gets a bound token and calls operations and MCP with it', async () => {
  const o = await oauthWorld()
  const { as, DPoP, ask, again } = await client(o)
  expect(as.dpop_signing_alg_values_supported).toEqual(
    expect.arrayContaining(['ES256', 'EdDSA', 'Ed25519']),
  )
  const token = await ask()
  expect(token.token_type).toBe('dpop')
  const post = (path: string, body: object) =>
    again(() =>
      oauth.protectedResourceRequest(
        token.access_token,
        'POST',
        new URL(`${o.issuer}${path}`),
        new Headers({
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        }),
        JSON.stringify(body),
        { DPoP, ...insecure },
      ),
    )
  const may = await post('/operations/check_permission', { permissions: ['demo:read'] })
  expect(await may.json()).toMatchObject({ allowed: true })
  for (const [method, params] of [
    ['tools/call', { name: 'whoami', arguments: {} }],
    ['tools/list', {}],
  ] as const) {
    const answer = await post('/mcp', { jsonrpc: '2.0', id: 1, method, params })
    const text = await answer.text()
    expect([answer.status, text.includes(o.w.local.id) || text.includes('delegate_token')]).toEqual(
      [200, true],
    )
  }
})

/** A bound token and its key, and a request with whatever proof. */
async function bound() {
  const o = await oauthWorld()
  const keys = await dpop.generateKeyPair('Ed25519')
  const url = `${o.issuer}/operations/whoami`
  const first = await o.form('/token', {}, { dpop: await dpop.generateProof(keys, url, 'POST') })
  const nonce = first.headers.get('dpop-nonce') ?? ''
  const prove = (htu: string, htm = 'POST', n: string | undefined = nonce, token?: string) =>
    dpop.generateProof(keys, htu, htm, n, token)
  const asked = { ...o.as(o.w.local), grant_type: 'client_credentials', scope }
  const { body } = await o.form('/token', asked, { dpop: await prove(`${o.issuer}/token`) })
  const token = String(body['access_token'])
  const call = async (headers: Record<string, string>, path = '/operations/whoami') => {
    const answer = await o.send(path, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', ...headers },
    })
    const challenge = answer.headers.get('www-authenticate') ?? ''
    const error = /^(\w+) .*error="(\w+)"/.exec(challenge)?.slice(1).join(' ') ?? ''
    return `${answer.status} ${error}`.trim()
  }
  return { o, keys, url, nonce, token, prove, call }
}

test('a bound token is refused in every way but with a fresh proof of this request', async () => {
  const { o, keys, url, nonce, token, prove, call } = await bound()
  const authorization = `DPoP ${token}`
  const good = await prove(url, 'POST', nonce, token)
  expect(await call({ authorization, dpop: good })).toBe('200')
  expect(await call({ authorization, dpop: good })).toBe('401 DPoP invalid_dpop_proof')

  // At the token endpoint the client is proven all the same.
  const spent = await prove(`${o.issuer}/token`)
  const asked = { ...o.as(o.w.local), grant_type: 'client_credentials', scope }
  expect((await o.form('/token', asked, { dpop: spent })).status).toBe(200)
  const again = await o.form('/token', asked, { dpop: spent })
  expect([again.status, again.body['error']]).toEqual([400, 'invalid_dpop_proof'])

  const other = await dpop.generateKeyPair('ES256')
  const rows: readonly (readonly [string, Record<string, string>, string])[] = [
    ['with no proof at all', { authorization }, '401 DPoP invalid_token'],
    ['as a bearer token', { authorization: `Bearer ${token}` }, '401 DPoP invalid_token'],
    [
      'with a proof, as a bearer',
      { authorization: `Bearer ${token}`, dpop: await prove(url, 'POST', nonce, token) },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'for another method',
      { authorization, dpop: await prove(url, 'GET', nonce, token) },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'for another address',
      { authorization, dpop: await prove(`${o.issuer}/mcp`, 'POST', nonce, token) },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'for another host',
      {
        authorization,
        dpop: await prove('https://evil.example/operations/whoami', 'POST', nonce, token),
      },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'for another token',
      { authorization, dpop: await prove(url, 'POST', nonce, 'another') },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'for no token',
      { authorization, dpop: await prove(url, 'POST', nonce) },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'by another key',
      { authorization, dpop: await dpop.generateProof(other, url, 'POST', nonce, token) },
      '401 DPoP invalid_dpop_proof',
    ],
    [
      'without a nonce',
      { authorization, dpop: await dpop.generateProof(keys, url, 'POST', undefined, token) },
      '401 DPoP use_dpop_nonce',
    ],
    [
      'with a nonce of one’s own',
      { authorization, dpop: await prove(url, 'POST', 'AAAAAAAAAAAAAAAAAAAAAAAA', token) },
      '401 DPoP use_dpop_nonce',
    ],
    ['with garbage', { authorization, dpop: 'x.y.z' }, '401 DPoP invalid_dpop_proof'],
  ]
  const met: string[] = []
  for (const [what, headers] of rows) met.push(`${what}: ${await call(headers)}`)
  expect(met).toEqual(rows.map(([what, , expected]) => `${what}: ${expected}`))
  expect(
    await call({ authorization, dpop: await prove(`${url}?x=1#y`, 'POST', nonce, token) }),
  ).toBe('200')
})

test('a nonce is good for minutes, in every process, and a newer one comes with each answer', async () => {
  const { o, url, nonce, token, prove, call } = await bound()
  const authorization = `DPoP ${token}`
  const pass = (seconds: number) => {
    o.w.pass(seconds)
    vi.setSystemTime(o.w.now() * 1000)
  }
  pass(299)
  expect(await call({ authorization, dpop: await prove(url, 'POST', nonce, token) })).toBe('200')
  pass(1)
  const asked = { ...o.as(o.w.local), grant_type: 'client_credentials', scope }
  const ask = async (n: string) =>
    o.form('/token', asked, { dpop: await prove(`${o.issuer}/token`, 'POST', n) })
  const late = await ask(nonce)
  expect(errorOf(late)).toBe('400 use_dpop_nonce')
  expect(errorOf(await ask(late.headers.get('dpop-nonce') ?? ''))).toBe('200 ')
})

test('the token endpoint takes a proof once, for itself, with its nonce, and from a client it knows', async () => {
  const { o, keys, nonce, prove } = await bound()
  const asked = { grant_type: 'client_credentials', scope }
  const own = { ...o.as(o.w.local), ...asked }
  const at = `${o.issuer}/token`
  const ask = async (proof: string, form: Record<string, string> = own) =>
    errorOf(await o.form('/token', form, { dpop: proof }))
  const once = await prove(at)
  expect(await ask(once, { ...own, client_secret: o.w.admin.secret })).toBe('401 invalid_client')
  // A stranger does not spend what it saw.
  expect(await ask(once)).toBe('200 ')
  expect(await ask(once)).toMatch(/^4\d\d invalid_/)
  expect(await ask(await prove(`${o.issuer}/mcp`))).toBe('400 invalid_dpop_proof')
  expect(await ask(await prove(at, 'GET'))).toBe('400 invalid_dpop_proof')
  expect(await ask(await prove(at, 'POST', nonce, 'a-token'))).toBe('400 invalid_dpop_proof')
  expect(await ask(await dpop.generateProof(keys, at, 'POST'))).toBe('400 use_dpop_nonce')
  expect(await ask('x')).toBe('400 invalid_dpop_proof')
})

test('a stolen bound token is not exchanged; with its key it is, and the child is bound too', async () => {
  const { o, token, prove } = await bound()
  const exchange = {
    ...o.as(o.w.local),
    grant_type: exchangeType,
    subject_token: token,
    subject_token_type: accessToken,
    scope: 'demo:read',
  }
  expect(errorOf(await o.form('/token', exchange))).toBe('400 invalid_request')
  const other = await dpop.generateKeyPair('ES256')
  const nonce = (await o.form('/token', {}, { dpop: 'x' })).headers.get('dpop-nonce') ?? ''
  const thief = await dpop.generateProof(other, `${o.issuer}/token`, 'POST', nonce)
  expect(errorOf(await o.form('/token', exchange, { dpop: thief }))).toBe('400 invalid_request')
  const proof = await prove(`${o.issuer}/token`)
  const { status, body } = await o.form('/token', exchange, { dpop: proof })
  expect([status, body['token_type']]).toEqual([200, 'DPoP'])
  const child = { kind: 'token', presentedToken: String(body['access_token']) } as const
  const answer = await o.w.call(mintToken, { scopes: ['demo:read'] }, child)
  expect(codeOf(answer)).toBe('invalid_token')
})
