// What anyone may have: the public keys and the deny-list.

import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { overHttp } from '../../support/http.ts'
import { world } from '../../support/world.ts'

test('the deny-list is there for anyone, whole or since a version, and is kept by nobody', async () => {
  const w = await world()
  const { url } = await overHttp(w)
  const whole = await fetch(`${url}/deny-list`)
  expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'application/jwt'])
  expect(whole.headers.get('cache-control')).toBe('no-store')
  const { version } = decodeJwt(await whole.text())
  const delta = decodeJwt(await (await fetch(`${url}/deny-list?since=${String(version)}`)).text())
  expect(delta).toMatchObject({ since: { version }, entries: [] })
  const keys = (await (await fetch(`${url}/jwks`)).json()) as object
  expect(keys).toMatchObject({ keys: [{ kty: 'OKP' }], deny_list_keys: [{ kty: 'OKP' }] })
})

test.each(['x', '-1', '1.5', '01', '', '1&since=2', '9'.repeat(16)])(
  'since %s is no version',
  async (since) => {
    const { url } = await overHttp(await world())
    const answer = await fetch(`${url}/deny-list?since=${since}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'invalid_request' } })
  },
)
