// Introspection (RFC 7662): what a token is, to those who have a part in it; inactive to all others.

import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { revokeToken } from '../../../src/operations/revoke-token.ts'
import { bearer } from '../../support/http.ts'
import { basic, errorOf, oauthWorld, tokenIn } from '../../support/oauth.ts'

test('the client learns of its own token what RFC 7662 names', async () => {
  const { w, minted, form } = await oauthWorld()
  const token = await minted(w.local, 'demo:read')
  const answer = await form('/introspect', { token }, basic(w.local.id, w.local.secret))
  const { remit, ...claims } = decodeJwt(token)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.body).toEqual({
    active: true,
    token_type: 'Bearer',
    ...claims,
    grant_id: (remit as { grant: string }).grant,
    lineage: [],
    depth: 0,
    max_depth: 5,
  })
})

test('a delegated token names who acts', async () => {
  const { w, minted, exchange, introspect } = await oauthWorld()
  const worker = await w.addAgent('worker', 'demo:*')
  const subject = await minted(w.local, 'demo:* tokens:delegate')
  const token = tokenIn(await exchange(worker, subject, 'demo:read'))
  expect(await introspect(w.local, token)).toMatchObject({
    active: true,
    sub: w.local.id,
    client_id: worker.id,
    act: { sub: worker.id },
  })
})

test('a caller may prove itself by a token instead, and then by nothing else', async () => {
  const { w, minted, form } = await oauthWorld()
  const token = await minted(w.local, 'demo:read')
  const by = (text: string, more = {}) => form('/introspect', { token, ...more }, bearer(text))
  expect((await by(token)).body).toMatchObject({ active: true })
  const refused = await by(`${token}x`)
  expect(errorOf(refused)).toBe('401 invalid_token')
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  const both = await by(token, { client_id: w.local.id, client_secret: w.local.secret })
  expect(errorOf(both)).toBe('400 invalid_request')
})

test('what is dead, foreign, another’s or no token at all is inactive, and no more is said', async () => {
  const { w, minted, introspect } = await oauthWorld()
  const stranger = await w.addAgent('stranger', 'demo:*')
  const { admin } = await w.addOrg('other')
  const token = await minted(w.local, 'demo:read')
  const ended = await minted(w.local, 'demo:read')
  const token_id = String(decodeJwt(ended).jti)
  await w.result(revokeToken, { token_id, cause: 'test' }, w.local)
  for (const [who, text] of [
    [stranger, token],
    [admin, token],
    [w.local, ended],
    [w.local, `${token.slice(0, -4)}AAAA`],
    [w.local, 'garbage'],
    [w.local, w.local.secret],
    [w.local, `rmt_tok_${'A'.repeat(50)}`],
  ] as const) {
    expect(await introspect(who, text)).toEqual({ active: false })
  }
  w.pass(300)
  expect(await introspect(w.local, token)).toEqual({ active: false })
})

test('the hint is a hint; a token is needed, and so is a client', async () => {
  const { w, minted, form, as } = await oauthWorld()
  const token = await minted(w.local, 'demo:read')
  for (const token_type_hint of ['access_token', 'refresh_token', 'pet_name']) {
    const answer = await form('/introspect', { ...as(w.local), token, token_type_hint })
    expect(answer.body).toMatchObject({ active: true })
  }
  expect(errorOf(await form('/introspect', as(w.local)))).toBe('400 invalid_request')
  const unknown = await form('/introspect', { token })
  expect(errorOf(unknown)).toBe('401 invalid_client')
  expect(unknown.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
})
