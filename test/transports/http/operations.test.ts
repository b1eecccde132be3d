// `POST /operations/<name>` is the operation: same arguments, same result, same refusals under their status.

import { expect, test } from 'vitest'
import { minted } from '../../attacks/attack.ts'
import { overHttp } from '../../support/http.ts'
import { world } from '../../support/world.ts'

test('an operation answers its result to the token in the header', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text, grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  const who = await http.operation('whoami', {}, text)
  expect([who.status, who.body['method'], (who.body['grant'] as { id: string }).id]).toEqual([
    200,
    'token',
    grantId,
  ])
  const asked = { permissions: ['demo:read', 'demo:write'] }
  const checked = await http.operation('check_permission', asked, text)
  expect([checked.status, checked.body['allowed']]).toEqual([200, false])
})

test('a credential in _meta works as on every transport, and what is handed out comes back there', async () => {
  const w = await world()
  const http = await overHttp(w)
  const _meta = { 'dev.remit/agent_id': w.local.id, 'dev.remit/agent_secret': w.local.secret }
  const made = await http.operation('mint_token', {
    scopes: ['demo:read'],
    delivery: 'meta',
    _meta,
  })
  expect(made).toMatchObject({
    status: 200,
    body: { delivery: { kind: 'meta' }, _meta: { 'dev.remit/token': expect.any(String) } },
  })
  const { 'dev.remit/token': token = '' } = made.body['_meta'] as Record<string, string>
  expect((await http.operation('whoami', {}, token)).status).toBe(200)
})

test('a refusal leaves under the status of its code, with the error object of every door', async () => {
  const w = await world()
  const http = await overHttp(w)
  const { text } = await minted(w, w.local, { scopes: ['demo:read'] })
  const tried = async (name: string, args: object, token?: string) => {
    const { status, body } = await http.operation(name, args, token)
    return [status, (body['error'] as { code: string } | undefined)?.code]
  }
  expect({
    nobody: await tried('whoami', {}),
    garbage: await tried('whoami', {}, 'x'),
    unknown: await tried('no_such', {}, text),
    malformed: await tried('whoami', { loud: true }, text),
    lacking: await tried('list_mcp_servers', {}, text),
    root: await tried('mint_token', { scopes: ['demo:read'] }, text),
  }).toEqual({
    nobody: [401, 'invalid_client'],
    garbage: [401, 'invalid_token'],
    unknown: [404, 'unknown_operation'],
    malformed: [400, 'invalid_request'],
    lacking: [403, 'insufficient_scope'],
    root: [403, 'exceeds_parent'],
  })
})

test('the public keys are everyone’s', async () => {
  const w = await world()
  const http = await overHttp(w)
  const answer = await fetch(`${http.url}/jwks`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'application/jwk-set+json',
  ])
  const { keys } = (await answer.json()) as { keys: object[] }
  expect(keys).toHaveLength(1)
  expect(keys[0]).not.toHaveProperty('d')
})
