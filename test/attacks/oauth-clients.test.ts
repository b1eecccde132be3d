// Attempts to be a client that one is not, or to learn by errors which clients there are.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { altered, basic, errorOf, oauthWorld } from '../support/oauth.ts'

const wanted = { grant_type: 'client_credentials', scope: 'demo:read' }
const header = (text: string) => ({ authorization: text })
const encoded = (text: string) => Buffer.from(text).toString('base64')

test('an unknown client and a wrong secret are answered alike, to the byte', async () => {
  const { w, form } = await oauthWorld()
  const stranger = await w.addAgent('stranger', 'demo:*')
  const unknownId = w.context.newId('agt')
  const answers = []
  for (const [id, secret] of [
    [unknownId, w.local.secret],
    [w.local.id, stranger.secret],
    [w.local.id, altered(w.local.secret)],
    [w.local.id, 'guess'],
    ['local', w.local.secret],
    ['', w.local.secret],
  ] as const) {
    const { status, body, headers } = await form('/token', wanted, basic(id, secret))
    answers.push(JSON.stringify([status, body, headers.get('www-authenticate')]))
  }
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain('invalid_client')
})

test('neither reaches the slow hash, so that neither is slower', async () => {
  const { w, form, context } = await oauthWorld()
  let asked = 0
  const { verify } = context.hashing
  Object.assign(context.hashing, {
    verify: (...args: Parameters<typeof verify>) => {
      asked += 1
      return verify(...args)
    },
  })
  const stranger = await w.addAgent('stranger', 'demo:*')
  await form('/token', wanted, basic(w.context.newId('agt'), altered(w.local.secret)))
  await form('/token', wanted, basic(w.local.id, stranger.secret))
  await form('/token', wanted, basic(w.context.newId('agt'), stranger.secret))
  expect(asked).toBe(0)
  await form('/token', wanted, basic(stranger.id, stranger.secret))
  expect(asked).toBe(1)
})

test('two ways of authentication in one request are refused, even where both are right', async () => {
  const { w, form, as } = await oauthWorld()
  const both = { ...wanted, ...as(w.local) }
  const { id, secret } = w.local
  const assertion = { client_assertion: 'e30.e30.x', client_assertion_type: 'x' }
  expect(errorOf(await form('/token', both, basic(id, secret)))).toBe('400 invalid_request')
  expect(errorOf(await form('/token', { ...both, ...assertion }))).toBe('400 invalid_request')
  expect(errorOf(await form('/token', { ...wanted, ...assertion }, basic(id, secret)))).toBe(
    '400 invalid_request',
  )
})

test('a client cannot name another one in the body', async () => {
  const { w, form } = await oauthWorld()
  const { id, secret } = w.local
  const asked = { ...wanted, client_id: w.admin.id }
  expect(errorOf(await form('/token', asked, basic(id, secret)))).toBe('400 invalid_request')
  const mixed = { ...wanted, client_id: w.admin.id, client_secret: secret }
  expect(errorOf(await form('/token', mixed))).toBe('401 invalid_client')
})

test('a Basic header in a wrong encoding proves nothing', async () => {
  const { w, form } = await oauthWorld()
  const { id, secret } = w.local
  const right = encoded(`${id}:${secret}`)
  const rows = [
    [`Basic ${id}:${secret}`, '400 invalid_request'],
    [`Basic ${right}!`, '400 invalid_request'],
    [`Basic ${right}, Basic ${right}`, '401 invalid_client'],
    [`Basic`, '401 invalid_client'],
    [`Basic ${encoded(id)}`, '400 invalid_request'],
    [`Basic ${encoded(`${id}:%zz`)}`, '400 invalid_request'],
    [`Basic ${encoded(`${id}:%ff`)}`, '400 invalid_request'],
    [`Basic ${encoded(`${id}:${secret}\u0000`)}`, '400 invalid_request'],
    [`Basic ${encoded(`${id}:${secret}:`)}`, '401 invalid_client'],
    [`Basic ${encoded(`${id}+:${secret}`)}`, '401 invalid_client'],
    [`Basic ${encoded(`:${secret}`)}`, '401 invalid_client'],
    [`Bearer ${right}`, '401 invalid_client'],
    [`Digest ${right}`, '401 invalid_client'],
    [right, '401 invalid_client'],
    [`basic ${right}`, '200 '],
    [`Basic ${encoded(`${id.replace('_', '%5F')}:${secret.replaceAll('_', '%5f')}`)}`, '200 '],
  ] as const
  for (const [authorization, expected] of rows) {
    const answer = await form('/token', wanted, header(authorization))
    expect([authorization, errorOf(answer)]).toEqual([authorization, expected])
    expect(JSON.stringify(answer.body)).not.toContain(secret)
  }
})

test('an agent that may not authenticate by secret is no client, though its secret is right', async () => {
  const { w, form, as } = await oauthWorld()
  const keyed = await w.addAgent('keyed', 'demo:*', { authMethods: ['client_assertion'] })
  expect(errorOf(await form('/token', { ...wanted, ...as(keyed) }))).toBe('401 invalid_client')
})

test('an API key is no client secret', async () => {
  const { w, form } = await oauthWorld()
  const args = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at: 'never' }
  const made = await w.call(addCredential, { ...args, delivery: 'meta' })
  if (!made.ok) throw made.refusal
  const key = made.meta?.['dev.remit/secret'] ?? ''
  expect(key).toMatch(/^rmt_key_/)
  expect(errorOf(await form('/token', wanted, basic(w.local.id, key)))).toBe('401 invalid_client')
})

test('a suspended or retired agent is no client at any endpoint', async () => {
  const { w, form, as, minted } = await oauthWorld()
  const token = await minted(w.local, 'demo:read')
  for (const status of ['suspended', 'retired']) {
    await w.result(setAgentStatus, { agent: 'local', status, cause: 'test' })
    for (const path of ['/token', '/introspect', '/revoke']) {
      const answer = await form(path, { ...wanted, ...as(w.local), token })
      expect([path, errorOf(answer)]).toEqual([path, '401 invalid_client'])
    }
  }
})

test('a token is no client, and a client of another organisation none of this one’s', async () => {
  const { w, form, minted, token } = await oauthWorld()
  const held = await minted(w.local, 'demo:read tokens:delegate')
  expect(errorOf(await form('/token', wanted, header(`Bearer ${held}`)))).toBe('401 invalid_client')
  const { admin } = await w.addOrg('other')
  expect(errorOf(await token(admin, wanted))).toBe('400 invalid_scope')
})
