// Revocation (RFC 7009): a client ends what is its own, and learns nothing of what is not.

import { expect, test } from 'vitest'
import { queryAudit } from '../../../src/operations/query-audit.ts'
import { errorOf, oauthWorld, tokenIn } from '../../support/oauth.ts'

const all = 'demo:* tokens:delegate'

test('a client ends its token, and with it everything that was delegated from it', async () => {
  const { w, minted, exchange, introspect, revoke } = await oauthWorld()
  const worker = await w.addAgent('worker', 'demo:*')
  const token = await minted(w.local, all)
  const below = tokenIn(await exchange(worker, token, 'demo:read'))
  const answer = await revoke(w.local, token)
  expect([answer.status, answer.body]).toEqual([200, {}])
  expect(await introspect(w.local, token)).toEqual({ active: false })
  expect(await introspect(w.local, below)).toEqual({ active: false })
})

test('a client ends what it got by exchange, and nothing above it', async () => {
  const { w, minted, exchange, introspect, revoke } = await oauthWorld()
  const worker = await w.addAgent('worker', 'demo:*')
  const subject = await minted(w.local, all)
  const token = tokenIn(await exchange(worker, subject, 'demo:read'))
  expect(errorOf(await revoke(worker, token))).toBe('200 ')
  expect(await introspect(w.local, token)).toEqual({ active: false })
  expect(await introspect(w.local, subject)).toMatchObject({ active: true })
})

test('an expired token still names the grant that it was for', async () => {
  const { w, revoke, context } = await oauthWorld()
  const { mintToken } = await import('../../../src/operations/mint-token.ts')
  const args = { scopes: ['demo:read'], grant_ttl_seconds: 3600, delivery: 'meta' }
  const made = await w.call(mintToken, args, w.local, { in: context })
  if (!made.ok) throw made.refusal
  w.pass(301)
  await revoke(w.local, made.meta?.['dev.remit/token'] ?? '')
  const { renewToken } = await import('../../../src/operations/renew-token.ts')
  const grant_id = made.result['grant_id']
  expect((await w.refusal(renewToken, { grant_id }, w.local)).code).toBe('invalid_token')
})

test('what is unknown, another’s or dead already is answered as if it had been ended', async () => {
  const { w, minted, revoke, introspect } = await oauthWorld()
  const stranger = await w.addAgent('stranger', 'demo:*')
  const { admin } = await w.addOrg('other')
  const token = await minted(w.local, all)
  for (const [who, text] of [
    [stranger, token],
    [admin, token],
    [w.local, 'garbage'],
    [w.local, `${token.slice(0, -4)}AAAA`],
    [w.local, w.local.secret],
  ] as const) {
    const answer = await revoke(who, text)
    expect([answer.status, answer.body]).toEqual([200, {}])
  }
  expect(await introspect(w.local, token)).toMatchObject({ active: true })
  await revoke(w.local, token)
  expect(errorOf(await revoke(w.local, token))).toBe('200 ')
})

test('the audit tells what was ended from what was not', async () => {
  const { w, minted, revoke } = await oauthWorld()
  const stranger = await w.addAgent('stranger', 'demo:*')
  const token = await minted(w.local, all)
  await revoke(stranger, token)
  await revoke(w.local, token)
  const { events } = (await w.result(queryAudit, { operation: 'revoke_token' })) as {
    events: readonly { readonly outcome: string; readonly agent_id: string }[]
  }
  expect(events.map(({ outcome, agent_id }) => [agent_id, outcome])).toEqual([
    [w.local.id, 'allowed'],
    [stranger.id, 'refused'],
  ])
})

test('a client that does not authenticate ends nothing', async () => {
  const { w, minted, form, introspect } = await oauthWorld()
  const token = await minted(w.local, all)
  expect(errorOf(await form('/revoke', { token }))).toBe('401 invalid_client')
  expect(errorOf(await form('/revoke', { token, client_id: w.local.id }))).toBe(
    '401 invalid_client',
  )
  expect(
    errorOf(await form('/revoke', { client_id: w.local.id, client_secret: w.local.secret })),
  ).toBe('400 invalid_request')
  expect(await introspect(w.local, token)).toMatchObject({ active: true })
})
