// Attempts to get more by token exchange than the subject token itself would give: wider, longer, from the dead,
// for the wrong holder, or from a token that was never meant for this server.

import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { accessToken, errorOf, exchangeType, oauthWorld, tokenIn } from '../support/oauth.ts'
import type { Form } from '../support/oauth.ts'
import { addServer } from '../support/servers.ts'
import { heldFrom, may } from './attack.ts'

const all = 'demo:* tokens:delegate'

async function stage() {
  const o = await oauthWorld()
  const worker = await o.w.addAgent('worker', 'demo:* tokens:delegate')
  const subject = await o.minted(o.w.local, 'demo:read tokens:delegate')
  const { jti, remit } = decodeJwt(subject) as { jti: string; remit: { grant: string } }
  return { ...o, worker, subject, tokenId: jti, grantId: remit.grant }
}

test('what the subject does not hold is not got by asking, however it is spelled', async () => {
  const { worker, subject, exchange } = await stage()
  for (const scope of [
    'demo:write',
    'demo:read demo:write',
    'demo:*',
    'demo/**:read demo:delete',
    'tokens:*',
    'tokens:revoke',
    'agents:register',
  ]) {
    expect([scope, errorOf(await exchange(worker, subject, scope))]).toEqual([
      scope,
      '400 invalid_scope',
    ])
  }
  expect(errorOf(await exchange(worker, subject, ''))).toBe('400 invalid_scope')
})

test('the ceiling of whoever receives holds, the client’s or the actor’s', async () => {
  const { w, exchange, minted } = await stage()
  const weak = await w.addAgent('weak', 'demo:read')
  const subject = await minted(w.local, all)
  expect(errorOf(await exchange(weak, subject, 'demo:write'))).toBe('400 invalid_scope')
  const actor = { actor_token: await minted(weak, 'demo:read'), actor_token_type: accessToken }
  expect(errorOf(await exchange(w.local, subject, 'demo:write', actor))).toBe('400 invalid_scope')
})

test('an audience that the subject’s grant has not is no target', async () => {
  const { w, worker, subject, exchange } = await stage()
  await addServer(w, 'notes')
  const targets: readonly Form[] = [{ audience: 'notes' }, { resource: 'https://elsewhere.test' }]
  for (const target of targets) {
    expect(errorOf(await exchange(worker, subject, 'demo:read', target))).toBe('400 invalid_target')
  }
})

test('a subject that may not be delegated yields nothing', async () => {
  const { w, worker, exchange, minted } = await stage()
  const answer = await exchange(worker, await minted(w.local, 'demo:read'), 'demo:read')
  expect(errorOf(answer)).toBe('400 invalid_request')
  expect(answer.body['remit']).toMatchObject({ code: 'insufficient_scope' })
})

test('the chain grows no deeper than the subject allows', async () => {
  const { w, worker, exchange, context } = await stage()
  const args = { scopes: ['demo:read', 'tokens:delegate'], max_depth: 0, delivery: 'meta' }
  const { text } = heldFrom(await w.call(mintToken, args, w.local, { in: context }))
  expect(errorOf(await exchange(worker, text, 'demo:read'))).toBe('400 invalid_request')
})

test('what is got ends with its parent, whatever is left of the token’s life', async () => {
  const { w, worker, exchange, context } = await stage()
  const args = { scopes: ['demo:read', 'tokens:delegate'], ttl_seconds: 60, delivery: 'meta' }
  const { text } = heldFrom(await w.call(mintToken, args, w.local, { in: context }))
  w.pass(20)
  const answer = await exchange(worker, text, 'demo:read')
  expect(answer.body['expires_in']).toBe(40)
})

test('a subject that is revoked, expired, forged, foreign or no token is invalid_request', async () => {
  const { w, worker, subject, exchange, minted, tokenId } = await stage()
  const { admin } = await w.addOrg('other')
  const foreign = await minted(admin, 'tokens:delegate agents:read')
  const revoked = subject
  await w.result(revokeToken, { token_id: tokenId, cause: 'test' }, w.local)
  const live = await minted(w.local, all)
  for (const text of [
    revoked,
    foreign,
    `${live.slice(0, -4)}AAAA`,
    live.replace(/\.[^.]+$/, '.'),
    'garbage',
    w.local.secret,
    `rmt_tok_${'A'.repeat(50)}`,
  ]) {
    const answer = await exchange(worker, text, 'demo:read')
    expect(errorOf(answer)).toBe('400 invalid_request')
    expect(JSON.stringify(answer.body)).not.toContain(text)
  }
  w.pass(300)
  expect(errorOf(await exchange(worker, live, 'demo:read'))).toBe('400 invalid_request')
})

test('a subject for another server authenticates nothing here', async () => {
  const { w, worker, exchange, minted } = await stage()
  await addServer(w, 'notes')
  const elsewhere = await minted(w.local, all, { audience: 'notes' })
  const answer = await exchange(worker, elsewhere, 'demo:read')
  expect(errorOf(answer)).toBe('400 invalid_request')
  const actor = { actor_token: elsewhere, actor_token_type: accessToken }
  const subject = await minted(worker, all)
  expect(errorOf(await exchange(worker, subject, 'demo:read', actor))).toBe('400 invalid_request')
})

test('a protection that the subject’s grant demands is demanded of what is got too', async () => {
  const { w, worker, exchange, context } = await stage()
  const args = { scopes: ['demo:read', 'tokens:delegate'], require: ['pop'], delivery: 'meta' }
  const { text } = heldFrom(await w.call(mintToken, args, w.local, { in: context }))
  const got = tokenIn(await exchange(worker, text, 'demo:read'))
  const as = { kind: 'token' as const, presentedToken: got }
  expect(await may(w, as, 'demo:read')).toBe('invalid_token')
})

test('a subject that is bound to a key yields nothing without a proof by that key', async () => {
  const { w, worker, exchange, context } = await stage()
  const { publicKey } = generateKeyPairSync('ed25519')
  const bind_jwk = publicKey.export({ format: 'jwk' })
  const args = { scopes: ['demo:read', 'tokens:delegate'], bind_jwk, delivery: 'meta' }
  const { text } = heldFrom(await w.call(mintToken, args, w.local, { in: context }))
  expect(errorOf(await exchange(worker, text, 'demo:read'))).toBe('400 invalid_request')
  const actor = { actor_token: text, actor_token_type: accessToken }
  const subject = await w.addAgent('other', 'demo:* tokens:delegate')
  expect(errorOf(await exchange(subject, text, 'demo:read', actor))).toBe('400 invalid_request')
})

test('a client that is neither holder nor actor cannot join two tokens of others', async () => {
  const { w, worker, subject, exchange, minted } = await stage()
  const thief = await w.addAgent('thief', 'demo:*')
  const actor = { actor_token: await minted(worker, 'demo:read'), actor_token_type: accessToken }
  expect(errorOf(await exchange(thief, subject, 'demo:read', actor))).toBe('400 invalid_request')
})

test('a thief with the subject token gets by exchange no more than by presenting it', async () => {
  const { w, subject, exchange } = await stage()
  const thief = await w.addAgent('thief', 'demo:*')
  const presented = { kind: 'token' as const, presentedToken: subject }
  const args = { scopes: ['demo:read'], to: thief.id, delivery: 'meta' }
  const byPresenting = heldFrom(await w.call(delegateToken, args, presented))
  const byExchange = tokenIn(await exchange(thief, subject, 'demo:read'))
  const parts = (text: string) => {
    const { scope, aud, exp, act, client_id, sub, remit } = decodeJwt(text)
    const { lineage, depth, max_depth } = remit as Record<string, unknown>
    return { scope, aud, exp, act, client_id, sub, lineage, depth, max_depth }
  }
  expect(parts(byExchange)).toEqual(parts(byPresenting.text))
})

test('what was got dies with the subject, its credential, and the client’s', async () => {
  const { w, worker, exchange, introspect, minted, grantId, subject } = await stage()
  const isActive = async (text: string) => (await introspect(w.admin, text))['active']
  const a = tokenIn(await exchange(worker, subject, 'demo:read'))
  expect(await isActive(a)).toBe(true)
  await w.result(revokeToken, { grant_id: grantId, cause: 'test' }, w.local)
  expect(await isActive(a)).toBe(false)

  const b = tokenIn(await exchange(worker, await minted(w.local, all), 'demo:read'))
  expect(await isActive(b)).toBe(true)
  const { credentialId: credential_id } = worker
  await w.result(revokeCredential, { credential_id, cause: 'stolen' }, w.admin)
  expect(await isActive(b)).toBe(false)

  const other = await w.addAgent('other', 'demo:*')
  const c = tokenIn(await exchange(other, await minted(w.local, all), 'demo:read'))
  expect(await isActive(c)).toBe(true)
  const theirs = w.local.credentialId
  await w.result(revokeCredential, { credential_id: theirs, cause: 'stolen' }, w.admin)
  expect(await isActive(c)).toBe(false)
})

test('a suspended client, subject or actor exchanges nothing', async () => {
  const { w, worker, subject, exchange, minted } = await stage()
  const helper = await w.addAgent('helper', 'demo:*')
  const actor = { actor_token: await minted(helper, 'demo:read'), actor_token_type: accessToken }
  const suspend = (agent: string) =>
    w.result(setAgentStatus, { agent, status: 'suspended', cause: 'test' })
  await suspend('helper')
  expect(errorOf(await exchange(w.local, subject, 'demo:read', actor))).toBe('400 invalid_request')
  await suspend('worker')
  expect(errorOf(await exchange(worker, subject, 'demo:read'))).toBe('401 invalid_client')
  await suspend('local')
  const fresh = await w.addAgent('fresh', 'demo:*')
  expect(errorOf(await exchange(fresh, subject, 'demo:read'))).toBe('400 invalid_request')
})

test('a ceiling that is cut takes from what was got before', async () => {
  const { w, worker, exchange, minted } = await stage()
  const subject = await minted(w.local, all)
  const text = tokenIn(await exchange(worker, subject, 'demo:read demo:write'))
  const as = { kind: 'token' as const, presentedToken: text }
  expect(await may(w, as, 'demo:write')).toBe('allowed')
  await w.result(updateAgent, { agent: 'worker', ceiling: ['demo:read'] })
  expect(await may(w, as, 'demo:write')).not.toBe('allowed')
  expect(await may(w, as, 'demo:read')).toBe('allowed')
})

test('types that do not fit, or come alone, are refused', async () => {
  const { worker, subject, token } = await stage()
  const base = { grant_type: exchangeType, scope: 'demo:read', subject_token: subject }
  const jwt = 'urn:ietf:params:oauth:token-type:jwt'
  const rows: readonly Form[] = [
    base,
    { ...base, subject_token_type: jwt },
    { ...base, subject_token_type: 'access_token' },
    { ...base, subject_token_type: accessToken, requested_token_type: jwt },
    { ...base, subject_token_type: accessToken, actor_token: subject },
    { ...base, subject_token_type: accessToken, actor_token_type: accessToken },
    { grant_type: exchangeType, scope: 'demo:read', subject_token_type: accessToken },
  ]
  for (const row of rows) expect(errorOf(await token(worker, row))).toBe('400 invalid_request')
})

test('each attempt is in the audit under the client that made it', async () => {
  const { w, worker, exchange } = await stage()
  await exchange(worker, 'garbage', 'demo:read')
  const { events } = (await w.result(queryAudit, { outcome: 'refused' })) as {
    events: readonly object[]
  }
  expect(events[0]).toMatchObject({
    operation: 'delegate_token',
    code: 'invalid_token',
    agent_id: worker.id,
    presented: { agent_id: worker.id, credential_id: worker.credentialId },
  })
})
