// The token endpoint: a client gets what its credential allows, in the words of RFC 6749, and its token is one
// of RFC 9068.

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { expect, test } from 'vitest'
import { queryAudit } from '../../../src/operations/query-audit.ts'
import { rotateCredential } from '../../../src/operations/rotate-credential.ts'
import { secretFrom } from '../../attacks/attack.ts'
import { basic, errorOf, oauthWorld, tokenIn } from '../../support/oauth.ts'
import type { Form } from '../../support/oauth.ts'
import { addServer } from '../../support/servers.ts'

const grant_type = 'client_credentials'
const wanted = { grant_type, scope: 'demo:read demo:write' }

test('client_secret_basic and client_secret_post get a bearer token that nothing may store', async () => {
  const { w, form, as } = await oauthWorld()
  for (const [body, headers] of [
    [wanted, basic(w.local.id, w.local.secret)],
    [{ ...wanted, client_id: w.local.id }, basic(w.local.id, w.local.secret)],
    [{ ...wanted, ...as(w.local) }, {}],
  ] as const) {
    const answer = await form('/token', body, headers)
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'demo:read demo:write',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('the token is a JWT access token after RFC 9068, for this server', async () => {
  const { w, minted } = await oauthWorld()
  const text = await minted(w.local, 'demo:read')
  expect(decodeProtectedHeader(text)).toMatchObject({ typ: 'at+jwt', alg: 'EdDSA' })
  expect(decodeJwt(text)).toMatchObject({
    iss: w.issuer,
    sub: w.local.id,
    aud: w.issuer,
    client_id: w.local.id,
    iat: w.now(),
    exp: w.now() + 300,
    jti: expect.stringMatching(/^tok_/),
    scope: 'demo:read',
  })
})

test('resource and audience choose the audience; a grant may have several, its token has one', async () => {
  const { w, token, issuer } = await oauthWorld()
  const { id: notes } = await addServer(w, 'notes')
  const urn = `urn:remit:${w.context.self.storeId}:${notes}`
  const rows = [
    [{}, issuer],
    [{ resource: issuer }, issuer],
    [{ resource: `${issuer}/` }, issuer],
    [{ resource: `${issuer}/mcp` }, issuer],
    [{ resource: urn }, urn],
    [{ audience: 'notes' }, urn],
    [{ audience: notes }, urn],
    [{ resource: [urn, `${issuer}/mcp`] }, issuer],
    [{ resource: urn, audience: 'notes' }, urn],
  ] as const
  for (const [asked, aud] of rows) {
    const text = tokenIn(await token(w.local, { ...wanted, ...asked }))
    expect([asked, decodeJwt(text).aud]).toEqual([asked, aud])
  }
  const refused: readonly Form[] = [
    { resource: 'https://elsewhere.test/' },
    { resource: 'notes' },
    { resource: `${issuer}/mcp#fragment` },
    { audience: 'nobody' },
    { resource: [issuer, 'https://elsewhere.test/'] },
    { resource: `urn:${'x'.repeat(600)}` },
  ]
  for (const asked of refused) {
    expect([asked, errorOf(await token(w.local, { ...wanted, ...asked }))]).toEqual([
      asked,
      '400 invalid_target',
    ])
  }
})

test('a scope that is missing, malformed, unknown or too high is invalid_scope', async () => {
  const { w, token } = await oauthWorld()
  const weak = await w.addAgent('weak', 'demo:read')
  for (const scope of ['', ' ', 'demo', 'demo:read  demo:write', 'nothing:read', 'demo:fly']) {
    const answer = await token(weak, { grant_type, scope })
    expect([scope, errorOf(answer)]).toEqual([scope, '400 invalid_scope'])
  }
  const answer = await token(weak, { grant_type, scope: 'demo:read demo:write' })
  expect(answer).toMatchObject({
    status: 400,
    body: {
      error: 'invalid_scope',
      error_description: 'These scopes are above the ceiling of the agent.',
      remit: { code: 'exceeds_ceiling', missing: ['demo:write'], missing_at: weak.id },
    },
  })
})

test('only its grant types are served', async () => {
  const { w, token } = await oauthWorld()
  const tried = async (parameters: Record<string, string>) =>
    errorOf(await token(w.local, { scope: 'demo:read', ...parameters }))
  expect(await tried({})).toBe('400 invalid_request')
  for (const name of ['authorization_code', 'password', 'refresh_token', 'toString', '__proto__']) {
    expect([name, await tried({ grant_type: name })]).toEqual([name, '400 unsupported_grant_type'])
  }
})

test('a DPoP proof that cannot be honoured is refused', async () => {
  const { w, form, as } = await oauthWorld()
  const answer = await form('/token', { ...wanted, ...as(w.local) }, { dpop: 'e30.e30.e30' })
  expect(errorOf(answer)).toBe('400 invalid_dpop_proof')
})

test('a retiring secret still works, a revoked one does not', async () => {
  const { w, form } = await oauthWorld()
  const next = secretFrom(await w.call(rotateCredential, { delivery: 'meta' }, w.local), w.local.id)
  const secret = 'presentedSecret' in next ? next.presentedSecret : ''
  const tried = async (text: string) =>
    errorOf(await form('/token', wanted, basic(w.local.id, text)))
  expect(await tried(w.local.secret)).toBe('200 ')
  expect(await tried(secret)).toBe('200 ')
  w.pass(86_400)
  expect(await tried(w.local.secret)).toBe('401 invalid_client')
  expect(await tried(secret)).toBe('200 ')
})

test('it is mint_token to the audit, with the trace of the request', async () => {
  const { w, form, as } = await oauthWorld()
  const trace = '0af7651916cd43dd8448eb211c80319c'
  await form(
    '/token',
    { ...wanted, ...as(w.local) },
    { traceparent: `00-${trace}-b7ad6b7169203331-01` },
  )
  const { events } = (await w.result(queryAudit, { operation: 'mint_token' })) as {
    events: readonly object[]
  }
  expect(events[0]).toMatchObject({
    outcome: 'allowed',
    agent_id: w.local.id,
    trace_id: trace,
    presented: { agent_id: w.local.id, method: 'secret', credential_id: w.local.credentialId },
    detail: { scopes: 'demo:read demo:write', delivery: 'meta' },
  })
})

test('where the operator does not allow delivery by meta, there is none here', async () => {
  const { w, token } = await oauthWorld({ settings: { delivery: ['handoff'] } })
  const answer = await token(w.local, wanted)
  expect(errorOf(answer)).toBe('400 invalid_request')
  expect(answer.body['error_description']).toMatch(/REMIT_DELIVERY/)
})
