// Authority, rules 15 and 17: nothing is good a second longer than it says, and the clock going back
// brings nothing back.

import { expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import { delegated, enters, may, minted, renewed, secretFrom, tried } from './attack.ts'

test('a token is dead at the second it names, and so is a grant', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read'],
    ttl_seconds: 10,
    grant_ttl_seconds: 20,
  })
  w.pass(9)
  expect(await enters(w, root.presented)).toBe('allowed')
  w.pass(1)
  expect(await enters(w, root.presented)).toBe('invalid_token')
  const again = await renewed(w, w.local, { grant_id: root.grantId, ttl_seconds: 3600 })
  w.pass(9)
  expect(await enters(w, again.presented)).toBe('allowed')
  w.pass(1)
  expect(await enters(w, again.presented)).toBe('invalid_token')
  expect(await tried(w, 'renew_token', { grant_id: root.grantId }, w.local)).toBe('invalid_token')
})

test('without a longer grant the grant ends with its first token', async () => {
  const w = await world()
  const made = await w.result(mintToken, { scopes: ['demo:read'], ttl_seconds: 10 }, w.local)
  expect([made.expires_at, made.grant_expires_at]).toEqual([w.now() + 10, w.now() + 10])
})

test('renewing does not carry a token past the end of its grant, or of any above it', async () => {
  const w = await world()
  const root = await minted(w, w.local, {
    scopes: ['demo:read', 'tokens:delegate'],
    ttl_seconds: 100,
  })
  const end = w.now() + 100
  const child = await w.result(
    delegateToken,
    { scopes: ['demo:read'], grant_ttl_seconds: 5000, ttl_seconds: 3000 },
    root.presented,
  )
  expect([child.expires_at, child.grant_expires_at]).toEqual([end, end])
  const renewal = { grant_id: child.grant_id, ttl_seconds: 3600 }
  w.pass(50)
  expect((await w.result(renewToken, renewal, w.local)).expires_at).toBe(end)
})

test('a grant is renewed by the agent that holds it, not by those above it', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:read tokens:delegate')
  const stranger = await w.addAgent('stranger', 'demo:read')
  const root = await minted(w, w.local, { scopes: ['demo:read', 'tokens:delegate'] })
  const child = await delegated(w, root.presented, {
    scopes: ['demo:read', 'tokens:delegate'],
    to: 'helper',
  })
  const below = await delegated(w, child.presented, { scopes: ['demo:read'] })
  const beside = await delegated(w, root.presented, { scopes: ['demo:read'], to: 'helper' })
  const rows = [
    ['its holder by credential', helper, child, 'allowed'],
    ['its holder by its token', child.presented, child, 'allowed'],
    ['its holder by the token above', child.presented, below, 'allowed'],
    ['its holder by the token below', below.presented, child, 'not_found'],
    ['its holder by the token beside', beside.presented, child, 'not_found'],
    ['whoever delegated it, by token', root.presented, child, 'not_found'],
    ['whoever delegated it, by credential', w.local, child, 'not_found'],
    ['the administrator', w.admin, child, 'not_found'],
    ['a stranger', stranger, child, 'not_found'],
  ] as const
  for (const [who, as, { grantId }, code] of rows) {
    expect([who, await tried(w, 'renew_token', { grant_id: grantId }, as)]).toEqual([who, code])
  }
})

test('revoking a token ends its grant, and with it every other token of it', async () => {
  const w = await world()
  const first = await minted(w, w.local, { scopes: ['demo:read'], grant_ttl_seconds: 1000 })
  const second = await renewed(w, w.local, { grant_id: first.grantId })
  await w.result(revokeToken, { token_id: first.tokenId, cause: 'stolen' }, w.local)
  expect(await enters(w, second.presented)).toBe('invalid_token')
})

test('renewing yields nothing where nothing of the grant is effective any more', async () => {
  const w = await world()
  const worker = await w.addAgent('worker', 'demo:read demo:write')
  const root = await minted(w, worker, { scopes: ['demo:write'], grant_ttl_seconds: 1000 })
  await tried(w, 'update_agent', { agent: 'worker', ceiling: ['demo:read'] }, w.admin)
  expect(await tried(w, 'renew_token', { grant_id: root.grantId }, worker)).toBe(
    'insufficient_scope',
  )
  expect(await tried(w, 'renew_token', {}, root.presented)).toBe('insufficient_scope')
})

test('the clock going back brings no dead token back, in any process', async () => {
  const w = await world()
  const other = await w.startProcess()
  const root = await minted(w, w.local, { scopes: ['demo:read'], ttl_seconds: 300 })
  w.pass(3600)
  expect(await enters(w, root.presented)).toBe('invalid_token')
  await w.result(mintToken, { scopes: ['demo:read'] }, w.local)
  w.pass(-3500)
  for (const where of [w.context, other, await w.startProcess()]) {
    expect(await may(w, root.presented, 'demo:read', { in: where })).toBe('unavailable')
    expect(await enters(w, w.local, { in: where })).toBe('unavailable')
    expect(await tried(w, 'renew_token', {}, root.presented, { in: where })).toBe('unavailable')
  }
})

test('a clock that is a minute behind is still believed, one second more is not', async () => {
  const w = await world()
  await w.result(mintToken, { scopes: ['demo:read'] }, w.local)
  w.pass(-60)
  expect(await enters(w, w.local)).toBe('allowed')
  w.pass(-1)
  expect(await enters(w, w.local)).toBe('unavailable')
})

test.each(['local', 'admin'] as const)(
  'minted_before ends what was minted in that very second, and nothing later: by %s',
  async (by) => {
    const w = await world()
    const scopes = ['demo:read']
    const before = await minted(w, w.local, { scopes })
    w.pass(1)
    const at = w.now()
    const within = await minted(w, w.local, { scopes })
    w.pass(1)
    const after = await minted(w, w.local, { scopes })
    const cut = { credential_id: w.local.credentialId, minted_before: at, cause: 'stolen' }
    await w.result(revokeToken, cut, w[by])
    expect(await enters(w, before.presented)).toBe('invalid_token')
    expect(await enters(w, within.presented)).toBe('invalid_token')
    expect(await enters(w, after.presented)).toBe('allowed')
  },
)

test('minted_before in the future does not end what is minted after the cut', async () => {
  const w = await world()
  const cut = { agent: 'local', minted_before: w.now() + 1000, cause: 'test' }
  const before = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeToken, cut)
  const after = await minted(w, w.local, { scopes: ['demo:read'] })
  expect(await enters(w, before.presented)).toBe('invalid_token')
  expect(await enters(w, after.presented)).toBe('allowed')
})

test('a cutoff goes by change numbers: what follows in the same second lives', async () => {
  const w = await world()
  const before = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeToken, { credential_id: w.local.credentialId, cause: 'test' }, w.local)
  const after = await minted(w, w.local, { scopes: ['demo:read'] })
  expect(await enters(w, before.presented)).toBe('invalid_token')
  expect(await enters(w, after.presented)).toBe('allowed')
})

test('a credential is dead at the second it expires, whatever it made lives on', async () => {
  const w = await world()
  const key = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at: w.now() + 10 }
  const answer = await w.call(addCredential, { ...key, delivery: 'meta' }, w.local)
  const short = secretFrom(answer, w.local.id)
  const root = await minted(w, short, { scopes: ['demo:read'] })
  w.pass(9)
  expect(await enters(w, short)).toBe('allowed')
  w.pass(1)
  expect(await enters(w, short)).toBe('invalid_client')
  expect(await enters(w, root.presented)).toBe('allowed')
})
