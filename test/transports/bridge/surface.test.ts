// The bridge forwards a remote Remit to a host under a token that it gets, renews and keeps to itself.

import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { generateKeyPair, privateJwkOf } from '../../../src/crypto/private-jwk.ts'
import { addCredential } from '../../../src/operations/add-credential.ts'
import { revokeToken } from '../../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../../src/operations/set-agent-status.ts'
import { signClientAssertion } from '../../../src/sign/client-assertion.ts'
import { fetchJson, unavailable } from '../../../src/transports/bridge/fetch-json.ts'
import { bridged, codeOf, grantOf } from '../../support/bridge.ts'
import { overHttp } from '../../support/http.ts'
import { oauthWorld } from '../../support/oauth.ts'
import { world } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

async function opened() {
  const { w, address } = await oauthWorld()
  return { w, address, ...bridged(w, address) }
}

const accepting = { 'dev.remit/accept': 'secrets' }

describe('with a remote that offers OAuth', () => {
  test('calls run under a token from its token endpoint', async () => {
    const { w, call, to } = await opened()
    const { structuredContent, _meta } = await call('whoami')
    expect(structuredContent).toMatchObject({ agent: { id: w.local.id }, method: 'token' })
    expect(_meta).toBeUndefined()
    const [asked] = to('/token')
    expect(asked).toMatchObject({ status: 200, authorization: expect.stringMatching(/^Basic /) })
    const last = to('/mcp').at(-1)
    expect(last?.authorization).toMatch(/^Bearer eyJ/)
    expect(last?.body).not.toContain(w.local.secret)
  })

  test('lists and reads what the remote has for this agent', async () => {
    const { surface } = await opened()
    const source = { meta: undefined }
    const { items, ttlMs } = await surface.listTools(source)
    expect(items.map(({ name }) => name)).toContain('delegate_token')
    expect(items.map(({ name }) => name)).not.toContain('register_agent')
    expect(ttlMs).toBeGreaterThan(0)
    const { items: resources } = await surface.listResources(source)
    expect(resources.map(({ uri }) => uri)).toEqual(['remit://jwks', 'remit://delegation-tree'])
    expect((await surface.listResourceTemplates(source)).items).toHaveLength(1)
    const keys = await surface.readResource('remit://jwks', source)
    expect(JSON.parse(keys.text)).toMatchObject({ keys: [{ kty: 'OKP' }] })
    await expect(surface.readResource('remit://nothing', source)).rejects.toMatchObject({
      name: 'RpcError',
    })
  })

  test('refusals come through whole', async () => {
    const { w, call } = await opened()
    expect((await call('list_mcp_servers')).structuredContent).toMatchObject({
      error: { code: 'insufficient_scope', missing: ['servers:read'] },
    })
    const status = { agent: 'local', status: 'suspended', cause: 'test' }
    await w.result(setAgentStatus, status)
    expect(codeOf(await call('whoami'))).toBe('agent_suspended')
    await w.result(setAgentStatus, { ...status, status: 'active' })
    expect(codeOf(await call('whoami'))).toBe('allowed')
  })

  test('many calls at once wait for one token', async () => {
    const { call, to } = await opened()
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('whoami')))
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['allowed']))
    expect(to('/token')).toHaveLength(1)
  })

  test('is renewed before it ends, and after, under the grant that children hang below', async () => {
    const { w, call, to } = await opened()
    const grant = grantOf(await call('whoami'))
    const child = await call('delegate_token', { scopes: ['demo:read'], grant_ttl_seconds: 7200 })
    expect(codeOf(child)).toBe('allowed')
    for (const seconds of [250, 250, 1000]) {
      w.pass(seconds)
      expect(grantOf(await call('whoami'))).toBe(grant)
    }
    const bearers = new Set(to('/mcp').map(({ authorization }) => authorization))
    expect(bearers.size).toBeGreaterThanOrEqual(4)
    expect(to('/token')).toHaveLength(1)
    const { grant_id } = child.structuredContent as { grant_id: string }
    expect(codeOf(await call('whoami', { act_as: grant_id }))).toBe('allowed')
    w.pass(86_400)
    expect(grantOf(await call('whoami'))).not.toBe(grant)
    expect(to('/token')).toHaveLength(2)
  })

  test('a token that ended on the way is replaced once, a credential that ended is not', async () => {
    const { w, call, to } = await opened()
    const grant = grantOf(await call('whoami'))
    await w.result(revokeToken, { grant_id: grant, cause: 'test' })
    expect(grantOf(await call('whoami'))).not.toBe(grant)
    expect(to('/token')).toHaveLength(2)
    const { revokeCredential } = await import('../../../src/operations/revoke-credential.ts')
    await w.result(revokeCredential, { credential_id: w.local.credentialId, cause: 'test' })
    expect(codeOf(await call('whoami'))).toBe('invalid_client')
  })

  test('a ceiling may name what is not registered any more', async () => {
    const { w, address } = await oauthWorld()
    const gone = await w.addAgent('gone', 'demo:read vanished:read tokens:delegate')
    const { call } = bridged(w, address, gone.presented)
    expect(codeOf(await call('whoami'))).toBe('allowed')
  })
})

test('with a remote whose issuer is no address, the credential itself is presented', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { call, to } = bridged(w, http.url)
  expect((await call('whoami')).structuredContent).toMatchObject({ method: 'secret' })
  expect(to('/token')).toEqual([])
  expect(to('/mcp')[0]?.authorization).toBeUndefined()
})

describe('by a key of its own', () => {
  async function withKey(w: World) {
    const pair = generateKeyPair('ES256')
    const asked = { agent: 'local', kind: 'public_key', public_jwk: { ...pair.publicJwk } }
    await w.result(addCredential, asked)
    const agentId = w.local.id
    const signed: string[] = []
    const assertionFor = async (issuer: string) => {
      const of = { agentId, issuer }
      const assertion = await signClientAssertion(privateJwkOf(pair), of, { now: w.now() })
      signed.push(assertion)
      return assertion
    }
    return { signed, credential: { kind: 'own_key', agentId, assertionFor } as const }
  }

  test('it signs for every request to the token endpoint', async () => {
    const { w, address } = await oauthWorld()
    const { signed, credential } = await withKey(w)
    const { call, sent, to } = bridged(w, address, credential)
    const answers = await Promise.all([1, 2, 3].map(() => call('whoami')))
    expect(answers.map(({ structuredContent }) => structuredContent)).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ method: 'token' })),
    )
    const [first] = answers.map(grantOf)
    w.pass(1000)
    expect(grantOf(await call('whoami'))).toBe(first)
    w.pass(86_400)
    expect(grantOf(await call('whoami'))).not.toBe(first)
    expect(to('/token').map(({ status }) => status)).toEqual([200, 200])
    const uses = signed.map((each) => sent.filter(({ body }) => body.includes(each)).length)
    expect(uses).toEqual(signed.map(() => 1))
  })

  test('a second request for less is signed anew', async () => {
    const { w, address } = await oauthWorld({ settings: { grantMax: 3600 } })
    const { credential } = await withKey(w)
    const { call, to } = bridged(w, address, credential)
    expect(codeOf(await call('whoami'))).toBe('allowed')
    expect(to('/token').map(({ status }) => status)).toEqual([400, 200])
  })

  test('calls at once each present one of their own where there are no tokens', async () => {
    const w = await world()
    const { url } = await overHttp(w)
    const { credential } = await withKey(w)
    const { call } = bridged(w, url, credential, fetchJson, w.issuer)
    const answers = await Promise.all([1, 2, 3].map(() => call('whoami')))
    for (const { structuredContent } of answers) {
      expect(structuredContent).toMatchObject({ method: 'client_assertion' })
    }
  })

  test('nothing is signed for an issuer that the remote only claims, or that was not meant', async () => {
    const w = await world()
    const { url } = await overHttp(w)
    const { signed, credential } = await withKey(w)
    expect(codeOf(await bridged(w, url, credential).call('whoami'))).toBe('invalid_client')
    const { address } = await oauthWorld()
    for (const issuer of [w.issuer, 'https://other.example']) {
      const { call } = bridged(w, address, credential, fetchJson, issuer)
      expect(codeOf(await call('whoami'))).toBe('unavailable')
    }
    expect(signed).toEqual([])
  })
})

describe('what the model must not see', () => {
  test('is not handed out unless the harness asks, and then to it', async () => {
    const { call, sent } = await opened()
    const asked = { scopes: ['demo:read'], delivery: 'meta' }
    const before = sent.length
    for (const delivery of ['meta', 'inline']) {
      expect(codeOf(await call('delegate_token', { ...asked, delivery }))).toBe('invalid_request')
    }
    expect(sent.length).toBe(before)
    const { structuredContent, _meta } = await call('delegate_token', asked, accepting)
    expect(structuredContent).toMatchObject({ delivery: { kind: 'meta' } })
    expect(_meta).toEqual({ 'dev.remit/token': expect.stringMatching(/^eyJ/) })
    const wrong = await call('whoami', {}, { 'dev.remit/accept': 'everything' })
    expect(codeOf(wrong)).toBe('invalid_request')
  })

  test('is taken out of whatever the remote answers', async () => {
    const { w, address } = await oauthWorld()
    const { call } = bridged(w, address, w.local.presented, async (url, sent) => {
      const received = await fetchJson(url, sent)
      const result = received.body?.['result'] as Record<string, unknown> | undefined
      if (result === undefined) return received
      const _meta = { ...(result['_meta'] as object), 'dev.remit/secret': 'rmt_sec_x' }
      return { ...received, body: { ...received.body, result: { ...result, _meta } } }
    })
    expect((await call('whoami'))._meta).toBeUndefined()
  })

  test('a request with a credential of its own has that alone', async () => {
    const { w, call, to } = await opened()
    const asked = { scopes: ['demo:read'], delivery: 'meta' }
    const { _meta, structuredContent } = await call('delegate_token', asked, accepting)
    const { grant_id } = structuredContent as { grant_id: string }
    const token = { 'dev.remit/token': _meta?.['dev.remit/token'] }
    const answer = await call('whoami', {}, token)
    expect(grantOf(answer)).toBe(grant_id)
    expect(to('/mcp').at(-1)?.authorization).toBeUndefined()
    expect(codeOf(await call('whoami', {}, { 'dev.remit/token': 'x.y.z' }))).toBe('invalid_token')
    expect(codeOf(await call('whoami', {}, { 'dev.remit/token': '' }))).toBe('invalid_client')
    const acting = await call('whoami', {}, { 'dev.remit/act_as': grant_id })
    expect(acting.structuredContent).toMatchObject({ agent: { id: w.local.id } })
    expect(grantOf(acting)).toBe(grant_id)
  })
})

describe('a remote that cannot be trusted or reached', () => {
  async function listening(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('is unavailable while it is away, and served when it is back', async () => {
    const { w, address } = await oauthWorld()
    let isAway = true
    const { call, surface } = bridged(w, address, w.local.presented, async (url, sent) => {
      if (isAway) throw unavailable('The remote Remit cannot be reached.')
      return fetchJson(url, sent)
    })
    expect(codeOf(await call('whoami'))).toBe('unavailable')
    await expect(surface.listTools({ meta: undefined })).rejects.toMatchObject({
      code: 'unavailable',
    })
    isAway = false
    expect(codeOf(await call('whoami'))).toBe('allowed')
    isAway = true
    expect(codeOf(await call('whoami'))).toBe('unavailable')
  })

  test.each<[string, (origin: string) => RequestListener]>([
    [
      'redirects',
      () => (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    ['answers with no JSON', () => (_, response) => response.end('<html></html>')],
    [
      'describes another resource',
      () => (_, response) =>
        response.end(
          JSON.stringify({
            resource: 'https://other.example/mcp',
            authorization_servers: ['https://other.example'],
          }),
        ),
    ],
    [
      'names an authorization server elsewhere',
      (origin) => (_, response) =>
        response.end(
          JSON.stringify({
            resource: `${origin}/mcp`,
            authorization_servers: ['https://other.example'],
          }),
        ),
    ],
    [
      'names a token endpoint elsewhere',
      (origin) => (_, response) =>
        response.end(
          JSON.stringify({
            resource: `${origin}/mcp`,
            authorization_servers: [origin],
            issuer: origin,
            token_endpoint: 'https://other.example/token',
          }),
        ),
    ],
  ])('one that %s is sent no credential', async (_, answer) => {
    const w = await world()
    const seen: string[] = []
    let origin = ''
    origin = await listening((request, response) => {
      seen.push(`${request.headers.authorization ?? ''} ${request.method}`)
      answer(origin)(request, response)
    })
    const { call } = bridged(w, origin)
    expect(codeOf(await call('whoami'))).toBe('unavailable')
    expect(seen.every((each) => each === ' GET')).toBe(true)
    expect(seen.length).toBeGreaterThan(0)
  })
})
