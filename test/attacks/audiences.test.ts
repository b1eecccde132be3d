// Attacks on audiences (authority: 23). A token is for one server, of those its grant has, and every one
// of them is this server or an active server of the same organisation.

import { describe, expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { byToken, grantIn, handedIn } from '../support/evidence.ts'
import { addServer, audienceOf } from '../support/servers.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const asked = { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 900 }
const reading = { scopes: ['demo:read'] }

/** The audience that a token claims. */
const claimed = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: unknown })
    .aud

describe('an audience that nobody may be given', () => {
  const targets: readonly (readonly [string, (w: World) => Promise<string> | string])[] = [
    ['an unknown name', () => 'nowhere'],
    ['an unknown id', () => 'srv_00000000000000000000009999'],
    ['an unknown resource', ({ issuer }) => `${issuer}:srv_00000000000000000000009999`],
    ['the issuer of another store', () => 'urn:remit:01234567890123456789012345'],
    ['a prefix of the issuer', ({ issuer }) => issuer.slice(0, -1)],
    ['the issuer in capitals', ({ issuer }) => issuer.toUpperCase()],
    ['an agent', (w) => w.local.id],
    ['a pending server', async (w) => (await addServer(w, 'late', { status: 'pending' })).id],
    ['a revoked server', async (w) => (await addServer(w, 'gone', { status: 'revoked' })).name],
    [
      'a server of another organisation by id',
      async (w) => (await addServer(w, 'theirs', { orgId: (await w.addOrg('o')).orgId })).id,
    ],
    [
      'a server of another organisation by resource',
      async (w) =>
        audienceOf(w, await addServer(w, 'theirs', { orgId: (await w.addOrg('o')).orgId })),
    ],
    [
      'a server of another organisation by name',
      async (w) => (await addServer(w, 'theirs', { orgId: (await w.addOrg('o')).orgId })).name,
    ],
  ]

  test.each(targets)('%s is not known here', async (_, target) => {
    const w = await world()
    const audience = await target(w)
    const grant = await w.result(mintToken, asked, w.local)
    const both = { ...reading, audience: [w.issuer, audience] }
    for (const refused of [
      await w.refusal(mintToken, { ...reading, audience: [audience] }, w.local),
      await w.refusal(mintToken, both, w.local),
      await w.refusal(delegateToken, { ...both, act_as: grant.grant_id }, w.local),
      await w.refusal(renewToken, { grant_id: grant.grant_id, audience }, w.local),
    ]) {
      expect(refused.code).toBe('invalid_target')
      expect(JSON.stringify(refused.toError())).not.toContain(audience)
    }
  })
})

describe('a token carries one audience', () => {
  test('this server if its grant has it, else the first; renewing picks another', async () => {
    const w = await world()
    const one = await addServer(w, 'one')
    const two = await addServer(w, 'two')
    const all = { ...reading, delivery: 'meta', grant_ttl_seconds: 900 }
    const mint = (audience: readonly string[]) => w.call(mintToken, { ...all, audience }, w.local)
    expect(claimed(handedIn(await mint(['one', w.issuer, 'two'])))).toBe(w.issuer)
    const others = await mint([two.id, 'one'])
    expect(claimed(handedIn(others))).toBe(audienceOf(w, two))
    const renewed = { grant_id: grantIn(others), delivery: 'meta', audience: one.id }
    expect(claimed(handedIn(await w.call(renewToken, renewed, w.local)))).toBe(audienceOf(w, one))
    const wider = await w.refusal(renewToken, { ...renewed, audience: w.issuer }, w.local)
    expect(wider.code).toBe('exceeds_parent')
  })

  test('one for another server authenticates nothing here', async () => {
    const w = await world()
    await addServer(w, 'one')
    const both = { ...reading, delivery: 'meta', grant_ttl_seconds: 900 }
    const elsewhere = await w.call(mintToken, { ...both, audience: ['one'] }, w.local)
    expect((await w.refusal(whoami, {}, byToken(elsewhere))).code).toBe('invalid_token')
    const acting = { act_as: grantIn(elsewhere) }
    expect((await w.refusal(whoami, acting, w.local)).code).toBe('invalid_target')

    const here = await w.call(mintToken, { ...both, audience: ['one', w.issuer] }, w.local)
    const renewed = { grant_id: grantIn(here), audience: 'one', delivery: 'meta' }
    const token = byToken(await w.call(renewToken, renewed, w.local))
    expect((await w.refusal(whoami, {}, token)).code).toBe('invalid_token')
    expect((await w.call(whoami, {}, byToken(here))).ok).toBe(true)
  })
})

describe('a child', () => {
  test('cannot widen the audience, by naming it or by leaving it out', async () => {
    const w = await world()
    await addServer(w, 'one')
    const parent = await w.result(mintToken, asked, w.local)
    const under = { ...reading, act_as: parent.grant_id }
    const wide = await w.refusal(delegateToken, { ...under, audience: ['one'] }, w.local)
    expect(wide.detail.failures).toEqual([
      {
        code: 'exceeds_parent',
        dimension: 'audience',
        asked: [expect.stringMatching(/^srv_/)],
        missing_at: parent.grant_id,
      },
    ])
    expect((await w.result(delegateToken, under, w.local)).audience).toEqual([w.issuer])
  })

  test('of a grant for others alone is for them alone', async () => {
    const w = await world()
    const one = await addServer(w, 'one')
    const both = { ...asked, audience: [w.issuer, 'one'] }
    const parent = await w.result(mintToken, both, w.local)
    const under = { ...reading, act_as: parent.grant_id, audience: ['one'] }
    const child = await w.result(delegateToken, under, w.local)
    expect(child.audience).toEqual([audienceOf(w, one)])
  })
})

test('a server that was revoked is no audience of anything new', async () => {
  const w = await world()
  await addServer(w, 'one')
  await w.result(mintToken, { ...reading, audience: ['one'] }, w.local)
  await w.result(revokeRegistrationCredential, { server: 'one', cause: 'test' })
  const refused = await w.refusal(mintToken, { ...reading, audience: ['one'] }, w.local)
  expect(refused.code).toBe('invalid_target')
  expect((await w.result(whoami, {}, w.local)).grant.audience).toEqual([w.issuer])
})

test('this server is an audience in every organisation, others only in their own', async () => {
  const w = await world()
  const one = await addServer(w, 'one')
  const other = await w.addOrg('other')
  const theirs = await addServer(w, 'one', { orgId: other.orgId })
  await w.addType('demo', ['read'], other.orgId)
  expect((await w.result(whoami, {}, other.admin)).grant.audience).toEqual([
    w.issuer,
    audienceOf(w, theirs),
  ])
  const minted = await w.call(mintToken, { ...reading, delivery: 'meta' }, other.admin)
  expect((await w.result(whoami, {}, byToken(minted))).org_id).toBe(other.orgId)
  const named = await w.result(mintToken, { ...reading, audience: ['one'] }, other.admin)
  expect(named.audience).toEqual([audienceOf(w, theirs)])
  const foreign = { ...reading, audience: [one.id] }
  expect((await w.refusal(mintToken, foreign, other.admin)).code).toBe('invalid_target')
})
