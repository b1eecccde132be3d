// What an agent proves by its own keys, against real servers: tokens bound to a key on stdio and over HTTP,
// signed requests, mutual authentication, sealed delivery. The agents' side is the built package or a library
// that is not ours; what was refused stays refused after a restart and in another process.

import { createHash, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { compactDecrypt, createLocalJWKSet, decodeJwt, importJWK, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { expect, onTestFinished, test } from 'vitest'
import { jwkPair, keySetOf, provenBy, sign } from './built.ts'
import { serveOver } from './http.ts'
import { admin, answerOf, home, homeWithIssuer, jsonFile, local, serve } from './support.ts'
import type { Fields, Home, Server } from './support.ts'

type PrivateJwk = Parameters<typeof sign.signCallProof>[0]

/** An agent whose secret is in a file, for a process of its own. */
async function registered(by: Server, name: string, more: Fields = {}) {
  const text = { name, description: 'Tests.', owner: 'tests', ceiling: ['demo:*'] }
  const { result } = await by.call('register_agent', { ...text, delivery: 'file', ...more })
  const delivery = result['delivery'] as { path?: string; jwe?: string }
  return { id: String(result['agent_id']), file: delivery.path ?? '', jwe: delivery.jwe ?? '' }
}

const open = (own: Home, credential: string) => serve(own.env(credential), 'unchecked')

/** What a caller's own authority is for, by default: this server. */
async function issuerOf(server: Server): Promise<string> {
  const { grant } = (await server.call('whoami')).result as { grant: { audience: string[] } }
  return grant.audience.join(' ')
}

test('a bound token on stdio: with a proof once, and never without, wherever it is tried', async () => {
  const own = await home()
  const [one, two] = await Promise.all([open(own, local), open(own, admin)])
  const { publicJwk, privateJwk } = await jwkPair('EdDSA')
  const asked = { scopes: ['demo:read'], bind_jwk: publicJwk, delivery: 'meta' }
  const token = String((await one.call('mint_token', asked)).meta['dev.remit/token'])
  const { iss: issuer = '', cnf } = decodeJwt<{ cnf?: { jkt: string } }>(token)
  expect(cnf?.jkt).toMatch(/^[\w-]{43}$/)

  const args = { permissions: ['demo/reports:read'] }
  const proven = (key = privateJwk) => provenBy(key, issuer, token, 'check_permission', args)
  const use = async (server: Server, meta: object, changed = args) =>
    (await server.call('check_permission', changed, meta)).code
  const once = await proven()
  expect(await use(one, { 'dev.remit/token': token })).toBe('invalid_token')
  expect(await use(two, await proven((await jwkPair('EdDSA')).privateJwk))).toBe('invalid_token')
  expect(await use(two, once, { permissions: ['demo:read'] })).toBe('invalid_token')
  expect(await use(one, once)).toBe('allowed')
  expect([await use(one, once), await use(two, once)]).toEqual(Array(2).fill('replay_detected'))
  expect(await one.tools(await provenBy(privateJwk, issuer, token, 'tools/list'))).not.toContain(
    'register_agent',
  )

  await one.kill()
  const again = await open(own, local)
  expect(await use(again, once)).toBe('replay_detected')
  expect([await use(again, await proven()), await use(two, await proven())]).toEqual([
    'allowed',
    'allowed',
  ])
})

test('DPoP over HTTP: oauth4webapi gets a token and an MCP client calls with it; no proof counts twice', async () => {
  const issuer = 'http://127.0.0.1:8420'
  const own = await homeWithIssuer(issuer)
  let server = await serveOver(own)
  const sent: { url: string; init: RequestInit; status: number }[] = []
  const there = async (input: string | URL, init: object = {}) => {
    const answer = await fetch(String(input).replace(issuer, server.url), init)
    sent.push({ url: String(input), init, status: answer.status })
    return answer
  }
  const plain = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: there }
  const at = new URL(issuer)
  const discovered = await oauth.discoveryRequest(at, { algorithm: 'oauth2', ...plain })
  const as = await oauth.processDiscoveryResponse(at, discovered)
  const { agent_id, secret } = jsonFile(own.file(local)) as Record<string, string>
  const me: oauth.Client = { client_id: String(agent_id) }
  const by = oauth.ClientSecretPost(String(secret))
  const DPoP = oauth.DPoP(me, await oauth.generateKeyPair('ES256'))
  const options = { DPoP, ...plain }
  const again = async <T>(request: () => Promise<T>): Promise<T> =>
    request().catch((error: unknown) => {
      if (oauth.isDPoPNonceError(error)) return request()
      throw error
    })
  const { access_token: token, token_type } = await again(async () => {
    const scope = { scope: 'demo:read' }
    const answer = await oauth.clientCredentialsGrantRequest(as, me, by, scope, options)
    return oauth.processClientCredentialsResponse(as, me, answer)
  })
  expect(token_type).toBe('dpop')
  expect(sent.map(({ status }) => status)).toEqual([200, 400, 200])

  const call = (url: string | URL, { method = 'POST', headers, body }: RequestInit) =>
    again(() =>
      oauth.protectedResourceRequest(
        token,
        method,
        new URL(url),
        new Headers(headers),
        body as string,
        options,
      ),
    )
  const json = { headers: { 'content-type': 'application/json' }, body: '{}' }
  const whoami = `${issuer}/operations/whoami`
  expect(await (await call(whoami, json)).json()).toMatchObject({ method: 'token' })
  const client = new Client({ name: 'test', version: '1' })
  onTestFinished(() => client.close())
  const mcp = new StreamableHTTPClientTransport(new URL(`${issuer}/mcp`), {
    fetch: (url, init = {}) => call(url, init),
  })
  await client.connect(mcp as never)
  const args = { permissions: ['demo:read', 'demo:write'] }
  const checked = answerOf(await client.callTool({ name: 'check_permission', arguments: args }))
  expect(checked.result).toMatchObject({ allowed: false, results: [{ allowed: true }, {}] })

  await call(whoami, json)
  const { url, init } = sent.at(-1) ?? { url: '', init: {} }
  const challenged = async (request: RequestInit) => {
    const { status, headers } = await there(url, request)
    return `${status} ${/error="(\w+)"/.exec(headers.get('www-authenticate') ?? '')?.[1]}`
  }
  const bearer = { ...json.headers, authorization: `Bearer ${token}` }
  expect(await challenged({ ...json, method: 'POST', headers: bearer })).toBe('401 invalid_token')
  expect(await challenged(init)).toBe('401 invalid_dpop_proof')
  server.kill('SIGTERM')
  await server.ended
  server = await serveOver(own)
  expect(await challenged(init)).toBe('401 invalid_dpop_proof')
  expect((await call(whoami, json)).status).toBe(200)
})

test('a signed request is its signer’s to whoever received it, once, and as it was signed', async () => {
  const own = await home()
  const remit = await open(own, admin)
  const { publicJwk, privateJwk } = await jwkPair('ES256')
  const key = { kind: 'public_key', public_jwk: publicJwk }
  await remit.call('add_credential', { agent: 'local', ...key })
  const shop = await registered(remit, 'shop')
  const receiver = await open(own, shop.file)
  const arrived: Fields[] = []
  const orders = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    let body = ''
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
    incoming.on('end', () => {
      arrived.push({ method, url: `http://${headers.host}${url}`, headers, body })
      outgoing.end()
    })
  })
  onTestFinished(() => void orders.close())
  await once(orders.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(orders.address() as AddressInfo).port}/orders?to=berlin`

  const { agent_id, credential_id, secret } = jsonFile(own.file(local)) as Record<string, string>
  const hmac = { secret: String(secret), credentialId: String(credential_id) }
  // What a secret gives is known from its first use on.
  await (await open(own, local)).call('whoami')
  for (const signer of [{ privateJwk: privateJwk as PrivateJwk }, hmac]) {
    const [request, body] = [{ method: 'POST', url, headers: {} }, '{"pay": 100}']
    const headers = sign.signRequest(signer, request, { body })
    expect(isSignedBy(publicJwk, url, body, headers)).toBe('privateJwk' in signer)
    await fetch(url, { ...request, headers: { ...headers, connection: 'close' }, body })
    const got = arrived.at(-1) ?? {}
    const verdict = async (change: Fields = {}) =>
      (await receiver.call('verify_request', { ...got, ...change })).result
    expect(await verdict({ body: '{"pay": 999}' })).toMatchObject({ reason: 'digest_mismatch' })
    expect(await verdict({ method: 'PUT' })).toMatchObject({ reason: 'wrong_signature' })
    expect(await verdict()).toMatchObject({ verified: true, agent_id, agent_name: 'local' })
    const replayed = { verified: false, code: 'replay_detected' }
    expect(await verdict()).toMatchObject(replayed)
    const elsewhere = await open(own, shop.file)
    expect((await elsewhere.call('verify_request', got)).result).toMatchObject(replayed)
  }
})

/** RFC 9421 §2.5 and RFC 9530 §2, spelled out by hand. */
function isSignedBy(
  jwk: object,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): boolean {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  const base = [
    '"@method": POST',
    `"@target-uri": ${url}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${headers['signature-input']?.replace(/^sig=/, '')}`,
  ].join('\n')
  const key = createPublicKey({ key: jwk as never, format: 'jwk' })
  const signature = Buffer.from(headers['signature']?.slice('sig=:'.length, -1) ?? '', 'base64')
  return verify('sha256', Buffer.from(base), { key, dsaEncoding: 'ieee-p1363' }, signature)
}

test('two agents in two processes prove themselves to each other, and the server to one', async () => {
  const own = await home()
  const remit = await open(own, admin)
  const [alice, bob] = [await registered(remit, 'alice'), await registered(remit, 'bob')]
  const [a, b] = await Promise.all([open(own, alice.file), open(own, bob.file)])
  const issuer = await issuerOf(a)
  const channel = 'tls-exporter:5f2c'
  const [nonceA, nonceB] = [sign.newAuthenticationNonce(), sign.newAuthenticationNonce()]
  const asked = { peer: 'bob', nonce: nonceA, channel }
  const { challenge_id } = (await a.call('auth_challenge', asked)).result
  const step = (server: Server, nonce: string) =>
    server.call('auth_answer', { challenge_id, nonce, channel })
  expect((await step(a, nonceA)).code).toBe('conflict')
  const toB = String((await step(b, nonceB)).result['statement'])
  const toA = String((await step(a, nonceA)).result['statement'])
  expect([(await step(b, nonceB)).code, (await step(a, nonceA)).code]).toEqual([
    'conflict',
    'conflict',
  ])
  expect((await a.call('auth_challenge', asked)).code).toBe('replay_detected')

  const jwks = await keySetOf(a)
  const common = { issuer, jwks, channel }
  const asA = { ...common, self: alice.id, role: 'initiator', nonce: nonceA, peer: bob.id } as const
  const asB = { ...common, self: bob.id, role: 'responder', nonce: nonceB, peer: alice.id } as const
  expect(sign.verifyAuthentication({ ...asA, statement: toA })).toMatchObject({ ok: true })
  expect(sign.verifyAuthentication({ ...asB, statement: toB })).toMatchObject({ ok: true })
  expect(sign.verifyAuthentication({ ...asA, statement: toB })).toMatchObject({ ok: false })
  const keys = createLocalJWKSet({ keys: jwks['authentication_keys'] ?? [] })
  const typ = 'remit-authentication+jwt'
  const { payload } = await jwtVerify(toA, keys, { issuer, audience: alice.id, typ })
  expect(payload).toMatchObject({ sub: bob.id, role: 'responder', challenge: challenge_id })

  const nonce = sign.newAuthenticationNonce()
  const { statement } = (await a.call('auth_challenge', { nonce, channel })).result
  const ofServer = { ...asA, nonce, peer: own.made.server_id, statement: String(statement) }
  expect(sign.verifyAuthentication(ofServer)).toMatchObject({ ok: true, peer: own.made.server_id })
  const elsewhere = { ...ofServer, channel: 'tls-exporter:evil' }
  expect(sign.verifyAuthentication(elsewhere)).toMatchObject({ reason: 'wrong_channel' })
  const { events } = (await remit.call('query_audit', { operation: 'auth_answer' })).result as {
    events: { agent_id: string; outcome: string }[]
  }
  const taken = events.filter(({ outcome }) => outcome === 'allowed')
  expect(taken.map(({ agent_id }) => agent_id).toSorted()).toEqual([alice.id, bob.id].toSorted())
})

test('what is sealed opens for its recipient: by `remit open`, and by jose', async () => {
  const own = await home()
  const remit = await open(own, admin)
  const { publicJwk, privateJwk } = await jwkPair('ECDH-ES+A256KW', { crv: 'X25519' })
  const files = { key: own.file('mine.jwk'), jwks: own.file('jwks.json') }
  writeFileSync(files.key, JSON.stringify(privateJwk), { mode: 0o600 })
  const issuer = await issuerOf(remit)
  const credential = { kind: 'secret', encryption_jwk: publicJwk }
  const reader = await registered(remit, 'reader', { credential, delivery: 'sealed' })
  const jwks = await keySetOf(remit)
  writeFileSync(files.jwks, JSON.stringify(jwks))

  const opened = (jwe: string, more: readonly string[], agent = reader.id) => {
    const from = ['--key', files.key, '--jwks', files.jwks, '--issuer', issuer, '--agent', agent]
    return own.run(['open', ...from, ...more], { input: jwe })
  }
  const file = own.file('reader.json')
  expect((await opened(reader.jwe, ['--out', file])).err).toContain('good until')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const again = await opened(reader.jwe, ['--out', file])
  expect([again.code, statSync(file).size > 0]).toEqual([2, true])
  const asReader = await open(own, file)
  expect((await asReader.call('whoami')).result).toMatchObject({ agent: { id: reader.id } })

  const orchestrator = await open(own, local)
  const sealed = { scopes: ['demo:read'], to: 'reader', delivery: 'sealed' }
  const { result, meta, text } = await orchestrator.call('delegate_token', sealed)
  const { jwe } = result['delivery'] as { jwe: string }
  const { out, code } = await opened(jwe, ['--stdout'])
  expect([code, JSON.stringify([result, meta, text]).includes(out.trim())]).toEqual([0, false])
  const used = await asReader.call('whoami', {}, { 'dev.remit/token': out.trim() })
  expect(used.result).toMatchObject({ method: 'token', grant: { id: result['grant_id'] } })
  const other = await opened(jwe, ['--stdout'], own.made.local.agent_id)
  expect([other.code === 0, other.out]).toEqual([false, ''])

  const { plaintext } = await compactDecrypt(jwe, await importJWK(privateJwk, 'ECDH-ES+A256KW'))
  const keys = createLocalJWKSet({ keys: jwks['delivery_keys'] ?? [] })
  const expected = { issuer, audience: reader.id, typ: 'remit-delivery+jwt' }
  const { payload } = await jwtVerify(plaintext, keys, expected)
  expect(payload).toMatchObject({ sub: result['grant_id'], token: out.trim() })
  expect(readFileSync(own.file('checkpoints.jsonl'), 'utf8')).not.toContain(out.trim())
})
