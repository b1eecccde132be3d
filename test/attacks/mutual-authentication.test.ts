// Two agents, or an agent and this server, prove themselves to each other before any task data moves. What
// one learns cannot be relayed to another connection, reflected at its maker, or used twice.

import { expect, test } from 'vitest'
import { authAnswer } from '../../src/operations/auth-answer.ts'
import { authChallenge } from '../../src/operations/auth-challenge.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { newAuthenticationNonce, verifyAuthentication } from '../../src/sign/authentication.ts'
import type { Expected } from '../../src/sign/authentication.ts'
import { lastEvent } from '../operations/asking.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'
import { codeOf, delegated, minted } from './attack.ts'

const channel = 'tls-exporter:5f2c'

async function two() {
  const w = await world()
  return { w, a: await w.addAgent('alice', 'demo:*'), b: await w.addAgent('bob', 'demo:*') }
}

async function challenged(w: World, a: Holder, b: Holder, nonce = newAuthenticationNonce()) {
  const asked = { peer: b.name, nonce, channel }
  const { challenge_id } = await w.result(authChallenge, asked, a)
  return { challenge_id, nonce }
}

const believed = async (
  w: World,
  expected: Pick<Expected, 'self' | 'role' | 'nonce' | 'peer'>,
  statement = '',
) => ({
  statement,
  issuer: w.issuer,
  jwks: await publicKeys(w.context),
  channel,
  now: w.now(),
  ...expected,
})

test('the server proves itself to an agent that has its keys', async () => {
  const { w, a } = await two()
  const nonce = newAuthenticationNonce()
  const { statement } = await w.result(authChallenge, { nonce, channel }, a)
  const expected = { self: a.id, role: 'initiator', nonce, peer: w.serverId } as const
  expect(verifyAuthentication(await believed(w, expected, statement))).toMatchObject({
    ok: true,
    peer: w.serverId,
  })
  // Nothing that the caller chose was signed as it is.
  const claims = Buffer.from(String(statement).split('.')[1] ?? '', 'base64url').toString()
  expect(claims).not.toContain(nonce)
  expect(claims).not.toContain(channel)
})

test('two agents prove themselves to each other; both sides are in the audit', async () => {
  const { w, a, b } = await two()
  const { challenge_id, nonce } = await challenged(w, a, b)
  expect((await lastEvent(w))['agent_id']).toBe(a.id)
  const own = newAuthenticationNonce()
  const toB = await w.result(authAnswer, { challenge_id, nonce: own, channel }, b)
  expect(toB).toMatchObject({ peer_id: a.id, peer_name: 'alice', role: 'initiator' })
  expect((await lastEvent(w))['agent_id']).toBe(b.id)
  const toA = await w.result(authAnswer, { challenge_id, nonce, channel }, a)
  expect(toA).toMatchObject({ peer_id: b.id, peer_name: 'bob', role: 'responder' })
  const asB = await believed(
    w,
    { self: b.id, role: 'responder', nonce: own, peer: a.id },
    toB.statement,
  )
  const asA = await believed(w, { self: a.id, role: 'initiator', nonce, peer: b.id }, toA.statement)
  expect([verifyAuthentication(asB), verifyAuthentication(asA)]).toMatchObject([
    { ok: true, peer: a.id, challenge: challenge_id },
    { ok: true, peer: b.id, challenge: challenge_id },
  ])
  const elsewhere: readonly (readonly [Partial<Expected>, string])[] = [
    [{ self: b.id }, 'for_another'],
    [{ role: 'responder' }, 'for_another'],
    [{ peer: w.local.id }, 'another_peer'],
    [{ nonce: newAuthenticationNonce() }, 'wrong_nonce'],
    [{ channel: 'another' }, 'wrong_channel'],
    [{ issuer: 'urn:remit:another' }, 'not_signed_by_the_issuer'],
    [{ jwks: {} }, 'not_signed_by_the_issuer'],
    [
      { jwks: { authentication_keys: (await publicKeys(w.context)).keys } },
      'not_signed_by_the_issuer',
    ],
    [{ now: w.now() + 120 }, 'expired'],
    // What was said to the other, reflected.
    [{ statement: toB.statement ?? '' }, 'for_another'],
  ]
  expect(elsewhere.map(([change]) => verifyAuthentication({ ...asA, ...change }))).toEqual(
    elsewhere.map(([, reason]) => ({ ok: false, reason })),
  )
  // An access token is no statement, nor a statement a token.
  const token = await minted(w, a, { scopes: ['demo:read'] })
  expect(verifyAuthentication({ ...asA, statement: token.text }).ok).toBe(false)
  const presentedToken = toA.statement ?? ''
  expect(
    codeOf(await w.call(authChallenge, { nonce, channel }, { kind: 'token', presentedToken })),
  ).toBe('invalid_token')
})

test('each step is taken once, in order, and by its own side', async () => {
  const { w, a, b } = await two()
  const { challenge_id, nonce } = await challenged(w, a, b)
  const answer = async (as: Holder, word: string, on = channel) =>
    codeOf(await w.call(authAnswer, { challenge_id, nonce: word, channel: on }, as))
  const own = newAuthenticationNonce()
  expect(await answer(a, nonce)).toBe('conflict')
  expect(await answer(w.local, own)).toBe('not_found')
  expect(JSON.parse(String((await lastEvent(w))['detail']))).toEqual({
    finding: 'auth_by_stranger',
  })
  const raced = await Promise.all([answer(b, own), answer(b, newAuthenticationNonce())])
  expect(raced.toSorted()).toEqual(['allowed', 'conflict'])
  expect(await answer(b, newAuthenticationNonce())).toBe('conflict')
  expect([await answer(a, nonce), await answer(a, nonce)]).toEqual(['allowed', 'conflict'])
})

test('relayed to another channel the exchange ends, for both and for good', async () => {
  const { w, a, b } = await two()
  const { challenge_id, nonce } = await challenged(w, a, b)
  const relayed = { challenge_id, nonce: newAuthenticationNonce(), channel: 'tls-exporter:evil' }
  const refusal = await w.refusal(authAnswer, relayed, b)
  expect([refusal.code, refusal.detail.finding]).toEqual(['conflict', 'auth_wrong_channel'])
  for (const as of [a, b]) {
    const again = { challenge_id, nonce, channel }
    expect(codeOf(await w.call(authAnswer, again, as))).toBe('conflict')
  }
})

test('a nonce is nobody’s twice: not reflected, not reused, not after a restart', async () => {
  const { w, a, b } = await two()
  const { challenge_id, nonce } = await challenged(w, a, b)
  const mirror = await w.refusal(authAnswer, { challenge_id, nonce, channel }, b)
  expect([mirror.code, mirror.detail.finding]).toEqual(['conflict', 'auth_reflected'])
  const asked = { peer: 'bob', nonce, channel }
  expect(codeOf(await w.call(authChallenge, asked, a))).toBe('replay_detected')
  expect(codeOf(await w.call(authChallenge, asked, a, { in: await w.startProcess() }))).toBe(
    'replay_detected',
  )
  const { peer: _, ...ofServer } = asked
  expect(codeOf(await w.call(authChallenge, ofServer, a))).toBe('replay_detected')
  const second = await challenged(w, a, b)
  const wrong = { challenge_id: second.challenge_id, nonce: newAuthenticationNonce(), channel }
  expect(codeOf(await w.call(authAnswer, wrong, b))).toBe('allowed')
  const guess = await w.refusal(authAnswer, { ...wrong, nonce: newAuthenticationNonce() }, a)
  expect([guess.code, guess.detail.finding]).toEqual(['conflict', 'auth_wrong_nonce'])
})

test('an exchange is over when its time is, and is not begun with who is not there', async () => {
  const { w, a, b } = await two()
  const { challenge_id } = await challenged(w, a, b)
  w.pass(300)
  const late = { challenge_id, nonce: newAuthenticationNonce(), channel }
  expect(codeOf(await w.call(authAnswer, late, b))).toBe('not_found')
  const begin = async (peer: string, as = a) =>
    codeOf(await w.call(authChallenge, { peer, nonce: newAuthenticationNonce(), channel }, as))
  const { admin } = await w.addOrg('other')
  expect([
    await begin('alice'),
    await begin('nobody', w.admin),
    await begin(admin.id, w.admin),
  ]).toEqual(['invalid_request', 'not_found', 'not_found'])
  await w.result(setAgentStatus, { agent: b.id, status: 'suspended', cause: 'x' })
  expect(await begin('bob', w.admin)).toBe('agent_suspended')
  // Who may not read agents learns nothing by it; nobody ever answers such a challenge.
  const kept = () => w.read('select count(*) from auth_challenges')
  const before = await kept()
  expect([await begin('bob'), await begin('nobody'), await begin(admin.id)]).toEqual(
    Array(3).fill('allowed'),
  )
  expect(await kept()).toBe(before)
})

test('only who proves itself has a part: no act_as, and no token that others delegated', async () => {
  const { w, a, b } = await two()
  const orchestrator = await w.addAgent('orchestrator', 'demo:* tokens:delegate')
  const given = await delegated(w, orchestrator, { scopes: ['demo:read'], to: a.name })
  const asked = { peer: b.name, nonce: newAuthenticationNonce(), channel }
  expect(codeOf(await w.call(authChallenge, asked, given.presented))).toBe('exceeds_parent')
  const acting = { ...asked, act_as: given.grantId }
  expect(codeOf(await w.call(authChallenge, acting, orchestrator))).toBe('invalid_request')
  const meta = { 'dev.remit/act_as': given.grantId }
  expect(codeOf(await w.call(authChallenge, asked, orchestrator, { meta }))).toBe('invalid_request')
  const own = await minted(w, a, { scopes: ['demo:read'] })
  expect(codeOf(await w.call(authChallenge, asked, own.presented))).toBe('allowed')
})

test('a dry run proves nothing, and a forged row counts as none', async () => {
  const { w, a, b } = await two()
  const nonce = newAuthenticationNonce()
  const dry = await w.result(authChallenge, { nonce, channel, dry_run: true }, a)
  expect([dry.statement, dry.dry_run]).toEqual([undefined, true])
  const { challenge_id } = await challenged(w, a, b, nonce)
  await w.tamper(`update auth_challenges set responder_id = '${w.local.id}'`)
  const asked = { challenge_id, nonce: newAuthenticationNonce(), channel }
  for (const as of [w.local, b]) {
    expect(codeOf(await w.call(authAnswer, asked, as))).toBe('not_found')
  }
})

test.each(['short', 'x'.repeat(87), 'not base64url!!!!!!!!!!!!!', ''])(
  '%j is no nonce',
  async (nonce) => {
    const { w, a } = await two()
    expect(codeOf(await w.call(authChallenge, { nonce, channel }, a))).toBe('invalid_request')
  },
)
