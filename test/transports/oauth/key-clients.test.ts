// Clients of others that prove themselves by a key or a certificate, over real TLS: oauth4webapi makes the
// requests, Node's own TLS the connection.

import { webcrypto } from 'node:crypto'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import * as oauth from 'oauth4webapi'
import { describe, expect, onTestFinished, test } from 'vitest'
import { addCredential } from '../../../src/operations/add-credential.ts'
import { registerTrustAnchor } from '../../../src/operations/register-trust-anchor.ts'
import { revokeCredential } from '../../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../../src/operations/rotate-credential.ts'
import { listenerFor } from '../../../src/transports/http/listener.ts'
import { doorFor } from '../../../src/transports/http/serve.ts'
import { certify, serverAuth } from '../../support/certificates.ts'
import type { Made } from '../../support/certificates.ts'
import { httpDefaults } from '../../support/http.ts'
import { accessToken, exchangeType } from '../../support/oauth.ts'
import { world } from '../../support/world.ts'

/** How far the clock of the world is ahead of the client's. */
let skew = 0

const life = { notBefore: 0, notAfter: 2e9 }
const localhost = certify({ ...life, name: 'localhost', extended: [serverAuth] })
const keyOf = ({ privateKey }: Made) => privateKey.export({ format: 'pem', type: 'pkcs8' })

/** A Remit behind TLS whose issuer is its own address. */
async function opened() {
  const tls = { cert: localhost.pem, key: keyOf(localhost), requestCert: true }
  const server = createServer({ ...tls, rejectUnauthorized: false })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const w = await world({ issuer })
  skew = w.now() - Math.floor(Date.now() / 1000)
  const context = await w.startProcess({ localFiles: false })
  const settings = {
    ...httpDefaults,
    tls: { cert: '', key: '', clientCertificates: true },
  }
  const listener = listenerFor(doorFor({ context, settings, issuerUrl: issuer }).door)
  server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))
  return { w, issuer }
}

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** `fetch` over a connection that presents a certificate, or none. */
const over =
  (made?: Made) =>
  (url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const client = made && { cert: made.pem, key: keyOf(made) }
      const options = { method, headers, rejectUnauthorized: false, agent: false, ...client }
      const asking = request(url, options, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const { statusCode: status = 0, headers: got } = answer
          const names = ['content-type', 'dpop-nonce'].filter((name) => got[name] !== undefined)
          const kept = Object.fromEntries(names.map((name) => [name, String(got[name])]))
          resolve(new Response(Buffer.concat(chunks), { status, headers: kept }))
        })
      })
      asking.on('error', reject).end(body === undefined ? undefined : String(body))
    })

async function grant(
  issuer: string,
  clientId: string,
  auth: oauth.ClientAuth,
  made?: Made,
  { scope = 'demo:read', ...more }: { scope?: string; DPoP?: oauth.DPoPHandle } = {},
): Promise<oauth.TokenEndpointResponse> {
  const options = { [oauth.customFetch]: over(made), ...more }
  const url = new URL(issuer)
  const discovered = await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' })
  const as = await oauth.processDiscoveryResponse(url, discovered)
  const client = { client_id: clientId, [oauth.clockSkew]: skew }
  const parameters = new URLSearchParams({ scope })
  const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, options)
  return oauth.processClientCredentialsResponse(as, client, answer)
}

const whoami = async (issuer: string, token: string, made?: Made) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await over(made)(`${issuer}/operations/whoami`, {
    method: 'POST',
    headers,
    body: '{}',
  })
  return answer.status
}

describe('private_key_jwt', () => {
  const kinds: readonly [string, () => Promise<webcrypto.CryptoKeyPair>, object][] = [
    ['EdDSA', pairOf({ name: 'Ed25519' }), {}],
    ['ES256', pairOf({ name: 'ECDSA', namedCurve: 'P-256' }), {}],
    ['ES384', pairOf({ name: 'ECDSA', namedCurve: 'P-384' }), {}],
    ['PS256', pairOf(rsa('RSA-PSS')), { alg: 'PS256' }],
    ['RS256', pairOf(rsa('RSASSA-PKCS1-v1_5')), { alg: 'RS256' }],
  ]

  test('by every algorithm; and a key that was revoked is good no more', async () => {
    const { w, issuer } = await opened()
    for (const [name, make, more] of kinds) {
      const pair = await make()
      const { kty, crv, x, y, n, e } = await webcrypto.subtle.exportKey('jwk', pair.publicKey)
      const members = Object.entries({ kty, crv, x, y, n, e, ...more })
      const public_jwk = Object.fromEntries(members.filter(([, value]) => value !== undefined))
      const asked = { agent: 'local', kind: 'public_key', public_jwk }
      const { credential_id } = await w.result(addCredential, asked)
      const auth = oauth.PrivateKeyJwt(pair.privateKey)
      const token = await grant(issuer, w.local.id, auth)
      expect([name, token.token_type, token.scope]).toEqual([name, 'bearer', 'demo:read'])
      expect(await whoami(issuer, token.access_token)).toBe(200)
      await w.result(revokeCredential, { credential_id, cause: 'test' })
      expect(await whoami(issuer, token.access_token)).toBe(401)
      await expect(grant(issuer, w.local.id, auth)).rejects.toMatchObject({
        error: 'invalid_client',
      })
    }
  })

  test('a rotation with calls in flight fails none of them', async () => {
    const { w, issuer } = await opened()
    const make = pairOf({ name: 'Ed25519' })
    const [old, next] = [await make(), await make()]
    const jwkOf = async (pair: webcrypto.CryptoKeyPair) => {
      const { kty, crv, x } = await webcrypto.subtle.exportKey('jwk', pair.publicKey)
      return { kty, crv, x }
    }
    const asked = { agent: 'local', kind: 'public_key', public_jwk: await jwkOf(old) }
    const { credential_id } = await w.result(addCredential, asked)
    const by = (pair: webcrypto.CryptoKeyPair) =>
      grant(issuer, w.local.id, oauth.PrivateKeyJwt(pair.privateKey))
    const before = Array.from({ length: 8 }, () => by(old))
    const rotating = w.call(rotateCredential, { credential_id, public_jwk: await jwkOf(next) })
    const during = Array.from({ length: 8 }, () => by(old))
    expect((await rotating).ok).toBe(true)
    const after = Array.from({ length: 8 }, (_, i) => by(i % 2 === 0 ? old : next))
    const tokens = await Promise.all([...before, ...during, ...after])
    expect(new Set(tokens.map(({ token_type: type }) => type))).toEqual(new Set(['bearer']))
  })
})

describe('tls_client_auth', () => {
  const uri = 'urn:agents:local'

  async function certified() {
    const { w, issuer } = await opened()
    const ca = certify({ ...life, name: 'authority', isCa: true })
    const anchor = { name: 'corp', certificate: ca.pem, crl: 'none' }
    await w.result(registerTrustAnchor, anchor)
    const asked = { agent: 'local', kind: 'x509', anchor: 'corp', san_uri: uri }
    const { credential_id } = await w.result(addCredential, asked)
    return { w, issuer, credential_id, made: certify({ ...life, by: ca, uris: [uri] }), ca }
  }

  test('gets a token bound to the certificate, worth nothing without it', async () => {
    const { w, issuer, made, ca, credential_id } = await certified()
    const token = await grant(issuer, w.local.id, oauth.TlsClientAuth(), made)
    expect(await whoami(issuer, token.access_token, made)).toBe(200)
    expect(await whoami(issuer, token.access_token)).toBe(401)
    const other = certify({ ...life, by: ca, uris: [uri] })
    expect(await whoami(issuer, token.access_token, other)).toBe(401)
    // Renewed: the next certificate of the same credential gets a token of its own, beside the old one.
    const renewed = await grant(issuer, w.local.id, oauth.TlsClientAuth(), other)
    expect(await whoami(issuer, renewed.access_token, other)).toBe(200)
    expect(await whoami(issuer, token.access_token, made)).toBe(200)
    await w.result(revokeCredential, { credential_id, cause: 'test' })
    for (const each of [made, other]) {
      await expect(grant(issuer, w.local.id, oauth.TlsClientAuth(), each)).rejects.toMatchObject({
        error: 'invalid_client',
      })
    }
  })

  test('of another agent, of nobody, or beside a secret is refused', async () => {
    const { w, issuer, made } = await certified()
    const auth = oauth.TlsClientAuth()
    const none = certify({ ...life, uris: [uri] })
    for (const [clientId, by] of [
      [w.admin.id, made],
      [w.local.id, none],
      [w.local.id, undefined],
    ] as const) {
      await expect(grant(issuer, clientId, auth, by)).rejects.toMatchObject({
        error: 'invalid_client',
      })
    }
    for (const method of [oauth.ClientSecretPost, oauth.ClientSecretBasic]) {
      const secret = method(w.local.secret)
      await expect(grant(issuer, w.local.id, secret, made)).rejects.toMatchObject({
        error: 'invalid_request',
        error_description: expect.stringContaining('client certificate'),
      })
    }
  })

  test('and DPoP too: the certificate proves the client, its key is what the token is bound to', async () => {
    const { w, issuer, made } = await certified()
    const client = { client_id: w.local.id, [oauth.clockSkew]: skew }
    const keys = await oauth.generateKeyPair('ES256')
    const DPoP = oauth.DPoP(client, keys)
    const asked = () => grant(issuer, w.local.id, oauth.TlsClientAuth(), made, { DPoP })
    await expect(asked()).rejects.toSatisfy(oauth.isDPoPNonceError)
    const { access_token, token_type } = await asked()
    expect(token_type).toBe('dpop')
    const use = (more: object) =>
      oauth.protectedResourceRequest(
        access_token,
        'POST',
        new URL(`${issuer}/operations/whoami`),
        new Headers({ 'content-type': 'application/json' }),
        '{}',
        { [oauth.customFetch]: over(), ...more },
      )
    expect((await use({ DPoP })).status).toBe(200)
    // Neither as a bearer token nor by the certificate that the client was proven by.
    expect([await whoami(issuer, access_token), await whoami(issuer, access_token, made)]).toEqual([
      401, 401,
    ])
  })

  test('exchanges over its own connection what is bound to it, for what is bound to it', async () => {
    const { w, issuer, made, ca } = await certified()
    const scope = 'demo:read tokens:delegate'
    const { access_token } = await grant(issuer, w.local.id, oauth.TlsClientAuth(), made, { scope })
    const exchange = async (by: Made) => {
      const body = new URLSearchParams({
        grant_type: exchangeType,
        client_id: w.local.id,
        subject_token: access_token,
        subject_token_type: accessToken,
        scope: 'demo:read',
      })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await over(by)(`${issuer}/token`, { method: 'POST', headers, body })
      return (await answer.json()) as { access_token: string; error?: string }
    }
    const child = await exchange(made)
    expect(await whoami(issuer, child.access_token, made)).toBe(200)
    expect(await whoami(issuer, child.access_token)).toBe(401)
    const another = certify({ ...life, by: ca, uris: [uri] })
    expect(await exchange(another)).toMatchObject({ error: 'invalid_request' })
  })
})

function pairOf(algorithm: object): () => Promise<webcrypto.CryptoKeyPair> {
  const usages = ['sign', 'verify'] as const
  return async () =>
    (await webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, [
      ...usages,
    ])) as webcrypto.CryptoKeyPair
}

function rsa(name: string): object {
  const publicExponent = new Uint8Array([1, 0, 1])
  return { name, modulusLength: 2048, publicExponent, hash: 'SHA-256' }
}
