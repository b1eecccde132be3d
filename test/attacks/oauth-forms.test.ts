// Attempts to say one thing twice, in the wrong place or in the wrong form, and to make the server read more than
// it must.

import { expect, test } from 'vitest'
import { basic, errorOf, oauthWorld } from '../support/oauth.ts'

const urlencoded = 'application/x-www-form-urlencoded'

async function stage() {
  const o = await oauthWorld()
  const { id, secret } = o.w.local
  const post = (
    path: string,
    body: string | Buffer,
    type: string | undefined = urlencoded,
    headers: Record<string, string> = {},
  ) =>
    o.send(path, {
      method: 'POST',
      body,
      headers: { ...basic(id, secret), 'content-type': type, ...headers },
    })
  return { ...o, post, id, secret }
}

const good = 'grant_type=client_credentials&scope=demo:read'

test('a parameter that comes twice is refused, whichever it is and whether it is known', async () => {
  const { post } = await stage()
  for (const extra of [
    'scope=demo:read',
    'scope=',
    'grant_type=client_credentials',
    'scope=demo:write',
    'x=1&x=2',
    '%73cope=demo:write',
  ]) {
    const answer = await post('/token', `${good}&${extra}`)
    expect([extra, errorOf(answer)]).toEqual([extra, '400 invalid_request'])
  }
  expect(errorOf(await post('/introspect', 'token=a&token=b'))).toBe('400 invalid_request')
  expect(errorOf(await post('/revoke', 'token=a&token=b'))).toBe('400 invalid_request')
  expect(errorOf(await post('/token', `${good}&x=1&y=`))).toBe('200 ')
})

test('scopes cannot be smuggled in through another parameter or separator', async () => {
  const { post } = await stage()
  for (const scope of [
    'demo:read%0Ademo:write',
    'demo:read%09demo:write',
    'demo:read%C2%A0demo:write',
    'demo:read,demo:write',
    'demo:read%00',
    'DEMO:read',
    'demo:read%22',
    '+demo:read',
    Array.from({ length: 129 }, (_, i) => `demo/x${i}:read`).join('+'),
  ]) {
    const answer = await post('/token', `grant_type=client_credentials&scope=${scope}`)
    expect([scope, errorOf(answer)]).toEqual([scope, '400 invalid_scope'])
  }
  const more = 'scopes=demo:write&act_as=grt_x&delivery=inline&ttl_seconds=99999&to=admin'
  expect((await post('/token', `${good}&${more}`)).body).toMatchObject({
    scope: 'demo:read',
    expires_in: 300,
  })
})

test('another content type is refused, whatever its body says', async () => {
  const { post } = await stage()
  const json = JSON.stringify({ grant_type: 'client_credentials', scope: 'demo:read' })
  for (const [type, body] of [
    ['application/json', json],
    ['text/plain', good],
    ['multipart/form-data; boundary=x', good],
    [`${urlencoded}; charset=utf-16`, good],
    [`application/json, ${urlencoded}`, good],
  ] as const) {
    expect([type, errorOf(await post('/token', body, type))]).toEqual([type, '400 invalid_request'])
  }
  expect(errorOf(await post('/token', good, `${urlencoded}; charset=UTF-8`))).toBe('200 ')
  expect(errorOf(await post('/token', Buffer.from([0x61, 0x3d, 0xff])))).toBe('400 invalid_request')
})

test('nothing is taken from the address, and a secret there buys nothing', async () => {
  const { post, send, id, secret } = await stage()
  const query = `client_id=${id}&client_secret=${secret}`
  const inBoth = await post(`/token?${query}`, good)
  expect(errorOf(inBoth)).toBe('400 invalid_request')
  expect(JSON.stringify(inBoth.body)).not.toContain(secret)
  const body = { method: 'POST', body: good, headers: { 'content-type': urlencoded } }
  expect(errorOf(await send(`/token?${query}`, body))).toBe('400 invalid_request')
  expect(errorOf(await send(`/token?${good}&${query}`, { method: 'GET' }))).toBe(
    '400 invalid_request',
  )
  expect(errorOf(await post('/token?client_id=x', good))).toBe('400 invalid_request')
})

test('huge forms and endless lists of parameters are refused before anything is read of them', async () => {
  const { post } = await stage()
  const many = Array.from({ length: 5000 }, (_, i) => `p${i}=1`).join('&')
  expect(errorOf(await post('/token', `${good}&${many}`))).toBe('400 invalid_request')
  expect(errorOf(await post('/token', `${good}&x=${'y'.repeat(70_000)}`))).toBe(
    '400 invalid_request',
  )
  expect(errorOf(await post('/token', `${good}&x=${'y'.repeat(200_000)}`))).toBe(
    '413 invalid_request',
  )
  const resources = 'resource=urn:x&'.repeat(60)
  expect(errorOf(await post('/token', `${resources}${good}`))).toBe('400 invalid_target')
})

test('a secret or token where none belongs is refused unechoed', async () => {
  const { post, secret, minted, w } = await stage()
  const token = await minted(w.local, 'demo:read')
  for (const [body, text] of [
    [`scope=${secret}`, secret],
    [`scope=demo:read&audience=${secret}`, secret],
    [`scope=demo:read&resource=urn:${token}`, token],
  ] as const) {
    const answer = await post('/token', `grant_type=client_credentials&${body}`)
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body)).not.toContain(text)
  }
})

test('an error description holds no character that OAuth does not allow', async () => {
  const { post } = await stage()
  for (const body of [
    good.replace('demo', 'dem%C3%B6'),
    'grant_type=%22%5C%0A',
    '',
    good + '&scope=x',
  ]) {
    const { body: answer } = await post('/token', body)
    expect(answer['error_description']).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  }
})

test('what is refused on the way to an endpoint is told in its words', async () => {
  const { post, send } = await stage()
  expect(errorOf(await post('/token', good, urlencoded, { 'content-encoding': 'gzip' }))).toBe(
    '415 invalid_request',
  )
  const origin = { origin: 'https://evil.test' }
  expect(errorOf(await post('/token', good, urlencoded, origin))).toBe('403 invalid_request')
  expect((await send('/token/', { method: 'POST' })).status).toBe(404)
})
