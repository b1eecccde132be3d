// Other MCP servers register over HTTP as RFC 7591 words it, and look after their registration as RFC 7592 does.

import { expect, test, vi } from 'vitest'
import { Refusal } from '../../../src/core/refusal.ts'
import { generateRegistrationKey } from '../../../src/crypto/registration-proof.ts'
import { listMcpServers } from '../../../src/operations/list-mcp-servers.ts'
import { rotateRegistrationCredential } from '../../../src/operations/rotate-registration-credential.ts'
import { bearer } from '../../support/http.ts'
import { errorOf, oauthWorld } from '../../support/oauth.ts'
import type { OAuthWorld } from '../../support/oauth.ts'
import { invited, proofBy } from '../../support/other-server.ts'
import type { Invitation } from '../../support/other-server.ts'

const { privateJwk } = generateRegistrationKey()
const { kty, crv, x } = privateJwk
const tools = [{ name: 'createNote', scope_name: 'create_note' }]
const resource_types = [{ type: 'notes', operations: ['read'] }]
const metadata = {
  client_name: 'notes',
  software_version: '1.2.0',
  jwks: { keys: [{ kty, crv, x }] },
  tools,
  resource_types,
  // RFC 7591 §2: what is not understood is left aside.
  logo_uri: 'https://notes.example/logo.png',
}

type Change = Record<string, unknown>

async function opened() {
  const o = await oauthWorld()
  const invitation = await invited(o.w, 'notes')
  const json = (method: string, path: string, body: unknown, token?: string) =>
    o.send(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && bearer(token)),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const register = (change: Change = {}, token: string | undefined = invitation.secret) =>
    json('POST', '/register', { ...metadata, ...proven(o, invitation), ...change }, token)
  return { ...o, invitation, json, register }
}

const proven = ({ w }: Pick<OAuthWorld, 'w'>, invitation: Invitation) => ({
  'dev.remit/proof': proofBy(w, invitation, privateJwk),
})

async function registered() {
  const o = await opened()
  const { body } = await o.register()
  const token = String(body['registration_access_token'])
  const path = new URL(String(body['registration_client_uri'])).pathname
  return { ...o, token, path, id: String(body['client_id']) }
}

test('a server can end its registration on a full disk too, where it is told of nothing else', async () => {
  const { context, json, path, token } = await registered()
  vi.spyOn(context.audit, 'assertWritable').mockImplementation(() => {
    throw new Refusal('unavailable')
  })
  const submit = vi.spyOn(context.committer, 'submit')
  expect((await json('GET', path, undefined, token)).status).toBe(503)
  expect((await json('DELETE', path, undefined, token)).status).toBe(204)
  expect(submit.mock.lastCall?.[0]).toMatchObject({ reserved: 'revocations' })
})

test('the metadata names where, and the answer is as §3.2.1 has it', async () => {
  const o = await opened()
  const { body: server } = await o.send('/.well-known/oauth-authorization-server', {})
  expect(server['registration_endpoint']).toBe(`${o.issuer}/register`)
  const { status, headers, body } = await o.register()
  expect({ status, cache: headers.get('cache-control') }).toEqual({
    status: 201,
    cache: 'no-store',
  })
  expect(body).toEqual({
    client_id: o.invitation.serverId,
    client_id_issued_at: o.w.now(),
    client_name: 'notes',
    software_version: '1.2.0',
    audience: `urn:remit:${o.w.context.self.storeId}:${o.invitation.serverId}`,
    jwks: { keys: [{ kty, crv, x, alg: 'EdDSA' }] },
    tools,
    resource_types,
    grant_types: [],
    response_types: [],
    token_endpoint_auth_method: 'none',
    registration_client_uri: `${o.issuer}/register/${o.invitation.serverId}`,
    registration_access_token: expect.stringMatching(/^rmt_srv_/),
  })
})

test('the management token reads, updates and is replaced, introspects, and ends the server', async () => {
  const o = await registered()
  const { w, json, path, token, id } = o
  expect(await json('GET', path, undefined, token)).toMatchObject({
    status: 200,
    body: { client_id: id, registration_access_token: token },
  })
  const update = { ...metadata, client_id: id, software_version: '2.0.0' }
  const { status, body } = await json('PUT', path, update, token)
  expect({ status, version: body['software_version'] }).toEqual({ status: 200, version: '2.0.0' })
  const next = String(body['registration_access_token'])
  expect(next).not.toBe(token)
  expect(errorOf(await json('GET', path, undefined, token))).toBe('401 invalid_token')
  const subject = await o.minted(w.local, 'demo:read', { audience: 'notes' })
  const asked = new URLSearchParams({ token: subject })
  const introspected = await o.send('/introspect', {
    method: 'POST',
    headers: bearer(next),
    body: asked,
  })
  expect(introspected.body).toMatchObject({
    active: true,
    aud: `urn:remit:${w.context.self.storeId}:${id}`,
  })
  expect((await json('DELETE', path, undefined, next)).status).toBe(204)
  expect(errorOf(await json('GET', path, undefined, next))).toBe('401 invalid_token')
  const { servers } = await w.result(listMcpServers, { status: 'revoked' })
  expect(servers.map((server) => server.id)).toEqual([id])
})

test('a server that lost its token gets another by its key, and the lost one is over', async () => {
  const o = await registered()
  const { status, body } = await o.json('POST', '/register', {
    ...metadata,
    ...proven(o, o.invitation),
  })
  expect(status).toBe(201)
  expect(errorOf(await o.json('GET', o.path, undefined, o.token))).toBe('401 invalid_token')
  const next = String(body['registration_access_token'])
  expect((await o.json('GET', o.path, undefined, next)).status).toBe(200)
})

test('a new registration credential ends token and key at the moment it is redeemed', async () => {
  const o = await registered()
  const answer = await o.w.call(rotateRegistrationCredential, { server: 'notes', delivery: 'meta' })
  if (!answer.ok) throw answer.refusal
  const again = {
    ...o.invitation,
    credentialId: String(answer.result.credential_id),
    secret: answer.meta?.['dev.remit/secret'] ?? '',
  }
  expect((await o.json('GET', o.path, undefined, o.token)).status).toBe(200)
  const key = generateRegistrationKey().privateJwk
  const jwks = { keys: [{ kty: key.kty, crv: key.crv, x: key.x }] }
  const proof = { 'dev.remit/proof': proofBy(o.w, again, key) }
  expect((await o.register({ jwks, ...proof }, again.secret)).status).toBe(201)
  expect(errorOf(await o.json('GET', o.path, undefined, o.token))).toBe('401 invalid_token')
  const old = await o.json('POST', '/register', { ...metadata, ...proven(o, o.invitation) })
  expect(errorOf(old)).toBe('401 invalid_token')
})

test.each<[string, string, (o: Awaited<ReturnType<typeof opened>>) => Promise<unknown>]>([
  [
    'no token, and a key that is not bound',
    '401 invalid_token',
    (o) => o.json('POST', '/register', { ...metadata, ...proven(o, o.invitation) }),
  ],
  ['garbage for a token', '401 invalid_token', (o) => o.register({}, 'nonsense')],
  ["an agent's secret", '401 invalid_token', (o) => o.register({}, o.w.admin.secret)],
  [
    "an agent's token",
    '401 invalid_token',
    async (o) => o.register({}, await o.minted(o.w.local, 'demo:read')),
  ],
  ['no proof', '400 invalid_client_metadata', (o) => o.register({ 'dev.remit/proof': undefined })],
  [
    'a proof by another key',
    '401 invalid_token',
    (o) =>
      o.register({
        'dev.remit/proof': proofBy(o.w, o.invitation, generateRegistrationKey().privateJwk),
      }),
  ],
  ['another name', '401 invalid_token', (o) => o.register({ client_name: 'other' })],
  [
    'two keys',
    '400 invalid_client_metadata',
    (o) =>
      o.register({
        jwks: {
          keys: [
            { kty, crv, x },
            { kty, crv, x },
          ],
        },
      }),
  ],
  [
    'a private key',
    '400 invalid_client_metadata',
    (o) => o.register({ jwks: { keys: [privateJwk] } }),
  ],
  [
    'a jwks_uri',
    '400 invalid_client_metadata',
    (o) => o.register({ jwks_uri: 'https://x.example/jwks' }),
  ],
  [
    'a tool that is a path',
    '400 invalid_client_metadata',
    (o) => o.register({ tools: [{ name: 'other/tool' }] }),
  ],
  [
    'a reserved type',
    '400 invalid_client_metadata',
    (o) => o.register({ resource_types: [{ type: 'tokens', operations: ['read'] }] }),
  ],
  [
    'another content type',
    '415 invalid_request',
    (o) =>
      o.send('/register', {
        method: 'POST',
        headers: bearer(o.invitation.secret),
        body: 'client_name=notes',
      }),
  ],
])('refused with %s: %s', async (_, expected, ask) => {
  const o = await opened()
  const answer = (await ask(o)) as Awaited<ReturnType<typeof o.register>>
  expect(errorOf(answer)).toBe(expected)
  const challenge = answer.headers.get('www-authenticate') ?? ''
  const isBearer = challenge.startsWith('Bearer realm="remit", error="invalid_token"')
  expect(isBearer).toBe(answer.status === 401)
  expect((await o.register()).status).toBe(201)
})

test.each<[string, Change, string]>([
  [
    'the id of another',
    { client_id: 'srv_00000000000000000000000001' },
    '400 invalid_client_metadata',
  ],
  ['no id', { client_id: undefined }, '400 invalid_client_metadata'],
  ['a token of its own', { registration_access_token: 'x' }, '400 invalid_client_metadata'],
  ['another key', { jwks: { keys: [generateRegistrationKey().publicJwk] } }, '401 invalid_token'],
  ['another name', { client_name: 'other' }, '401 invalid_token'],
])('an update with %s is refused, and the token stays good', async (_, change, expected) => {
  const o = await registered()
  const update = { ...metadata, client_id: o.id, ...change }
  expect(errorOf(await o.json('PUT', o.path, update, o.token))).toBe(expected)
  expect((await o.json('GET', o.path, undefined, o.token)).status).toBe(200)
})

test('a token is for its own server and for nothing else', async () => {
  const o = await registered()
  const other = await invited(o.w, 'other')
  for (const method of ['GET', 'DELETE']) {
    const answer = await o.json(method, `/register/${other.serverId}`, undefined, o.token)
    expect(errorOf(answer)).toBe('401 invalid_token')
  }
  const asked = { server_name: 'mine' }
  const answer = await o.json('POST', '/operations/issue_registration_credential', asked, o.token)
  expect(answer).toMatchObject({ status: 401, body: { error: { code: 'wrong_credential_class' } } })
  expect(errorOf(await o.json('GET', o.path, undefined, o.w.admin.secret))).toBe(
    '401 invalid_token',
  )
  expect(errorOf(await o.json('GET', o.path, undefined))).toBe('401 invalid_token')
})

test('of two updates with one token one wins', async () => {
  const o = await registered()
  const update = { ...metadata, client_id: o.id }
  const answers = await Promise.all(
    ['2', '3'].map((software_version) =>
      o.json('PUT', o.path, { ...update, software_version }, o.token),
    ),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401])
})
