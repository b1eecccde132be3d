// The token endpoint: a client gets what its credential allows, in the words of RFC 6749.

import { expect, test } from 'vitest'
import { basic, errorOf, oauthWorld } from '../../support/oauth.ts'

const grant_type = 'client_credentials'

test('client_secret_basic and client_secret_post get a bearer token that nothing may store', async () => {
  const { w, form, as, address } = await oauthWorld()
  const wanted = { grant_type, scope: 'demo:read demo:write' }
  for (const [body, headers] of [
    [wanted, basic(w.local.id, w.local.secret)],
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
  void address
  expect(errorOf(await form('/token', { grant_type, scope: 'demo:read' }))).toBe(
    '401 invalid_client',
  )
})
