// renew_token: a new token for a live grant, by the agent that holds it.

import { expect, test } from 'vitest'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { world } from '../support/world.ts'
import { ask, askForAll, childOf, expectDryRun, refuse, rootOf, whoami } from './asking.ts'

const long = { grant_ttl_seconds: 7200, ttl_seconds: 300 }

test('by token it renews its own grant, up to the end of that', async () => {
  const w = await world()
  const { presented, token_id, ...root } = await rootOf(w, w.local, long)
  w.pass(200)
  const { result, meta } = await askForAll(w, renewToken, { delivery: 'meta' }, presented)
  expect(result).toEqual({
    ...root,
    token_id: expect.not.stringMatching(token_id),
    expires_at: w.now() + 300,
    delivery: { kind: 'meta' },
  })
  w.pass(200)
  const renewed = { kind: 'token', presentedToken: meta['dev.remit/token'] ?? '' } as const
  expect(await ask(w, whoami, {}, renewed)).toMatchObject({ grant: { id: root.grant_id } })
})

test('no token is renewed past the end of its grant', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local, long)
  w.pass(7000)
  const { expires_at, grant_expires_at } = await ask(
    w,
    renewToken,
    { grant_id, ttl_seconds: 3600 },
    w.local,
  )
  expect(expires_at).toBe(grant_expires_at)
  w.pass(200)
  expect(await refuse(w, renewToken, { grant_id }, w.local)).toMatchObject({
    code: 'invalid_token',
    missing_at: grant_id,
  })
})

test.each(['token_id', 'grant_id'] as const)('by credential %s names it', async (name) => {
  const w = await world()
  const root = await rootOf(w, w.local, long)
  const renewed = await ask(w, renewToken, { [name]: root[name] }, w.local)
  expect(renewed).toMatchObject({ grant_id: root.grant_id, delivery: { kind: 'handle' } })
})

test('by credential it renews whatever its agent holds, by whomever it was given', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const { grant_id } = await childOf(w, w.local, { to: 'helper', scopes: ['demo:read'] })
  expect(await ask(w, renewToken, { grant_id }, helper)).toMatchObject({ grant_id })
  expect(await refuse(w, renewToken, { grant_id }, w.local)).toMatchObject({ code: 'not_found' })
})

test('by token only its own grant or one below that its agent holds', async () => {
  const w = await world()
  await w.addAgent('helper', 'demo:*')
  const root = await rootOf(w, w.local, long)
  const other = await rootOf(w, w.local, long)
  const own = await childOf(w, root.presented, { scopes: ['demo:read'] })
  const given = await childOf(w, root.presented, { to: 'helper', scopes: ['demo:read'] })
  expect(await ask(w, renewToken, { grant_id: own.grant_id }, root.presented)).toMatchObject({
    grant_id: own.grant_id,
  })
  for (const grant_id of [other.grant_id, given.grant_id, w.context.newId('grt')]) {
    expect(await refuse(w, renewToken, { grant_id }, root.presented)).toMatchObject({
      code: 'not_found',
    })
  }
})

test.each<[string, Record<string, unknown>, string]>([
  ['both names', { token_id: 'x', grant_id: 'x' }, 'invalid_request'],
  ['no name, by credential', {}, 'invalid_request'],
  ['a life above the limit', { ttl_seconds: 3601 }, 'invalid_request'],
  ['an unknown audience', { audience: 'nowhere' }, 'invalid_target'],
  ['an unknown audience in a list', { audience: ['nowhere'] }, 'invalid_target'],
  ['more than one audience', { audience: ['remit', 'remit'] }, 'invalid_request'],
  ['act_as', { act_as: 'x' }, 'invalid_request'],
  ['sealed to no key', { delivery: 'sealed' }, 'invalid_request'],
])('%s is refused', async (what, asked, code) => {
  const w = await world()
  const { token_id, grant_id } = await rootOf(w, w.local, long)
  const named = Object.fromEntries(
    Object.entries(asked).map(([name, value]) => [
      name,
      name === 'token_id' ? token_id : value === 'x' ? grant_id : value,
    ]),
  )
  const args = what.startsWith('no name')
    ? named
    : { ...(what !== 'both names' && { grant_id }), ...named }
  expect(await refuse(w, renewToken, args, w.local)).toMatchObject({ code })
})

test.each(['remit', ['remit']])('the audience may be named, as %j', async (audience) => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local, long)
  expect(await ask(w, renewToken, { grant_id, audience }, w.local)).toMatchObject({
    audience: [w.issuer],
  })
})

test('only what is still effective is told, as the token has it', async () => {
  const w = await world()
  const asked = { ...long, scopes: ['demo:read', 'demo/a:write'] }
  const { grant_id } = await rootOf(w, w.local, asked)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  expect(await ask(w, renewToken, { grant_id }, w.local)).toMatchObject({ scopes: ['demo:read'] })
})

test('what is dead, or effective in nothing, yields nothing', async () => {
  const w = await world()
  const cut = await rootOf(w, w.local, long)
  await ask(w, updateAgent, { agent: 'local', ceiling: ['tokens:read'] })
  expect(await refuse(w, renewToken, { grant_id: cut.grant_id }, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing_at: cut.grant_id,
  })
  const ended = await rootOf(w, w.admin, long)
  await ask(w, revokeToken, { grant_id: ended.grant_id, cause: 'test' })
  expect(await refuse(w, renewToken, { grant_id: ended.grant_id })).toMatchObject({
    code: 'invalid_token',
    missing_at: ended.grant_id,
  })
})

test('the standing root of a credential has no tokens', async () => {
  const w = await world()
  const { grant } = (await ask(w, whoami, {}, w.local)) as { grant: { id: string } }
  expect(await refuse(w, renewToken, { grant_id: grant.id }, w.local)).toMatchObject({
    code: 'invalid_request',
    remedy: { operation: 'mint_token' },
  })
})

test('a dry run makes no token', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local, long)
  await expectDryRun(w, renewToken, { grant_id }, w.local)
})

test('a repeat is another token of the same grant; other arguments conflict', async () => {
  const w = await world()
  const { grant_id } = await rootOf(w, w.local, long)
  const asked = { grant_id, idempotency_key: 'k' }
  const { token_id, ...same } = await ask(w, renewToken, asked, w.local)
  const again = await ask(w, renewToken, asked, w.local)
  expect(again).toEqual({ ...same, token_id: expect.not.stringMatching(token_id) })
  expect(await refuse(w, renewToken, { ...asked, ttl_seconds: 9 }, w.local)).toMatchObject({
    code: 'conflict',
  })
})
