// Token exchange (RFC 8693) is delegation: the client or the actor becomes the holder of a child of the subject
// token's grant.

import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { queryAudit } from '../../../src/operations/query-audit.ts'
import { introspectToken } from '../../../src/operations/introspect-token.ts'
import { accessToken, errorOf, oauthWorld, tokenIn } from '../../support/oauth.ts'

const scope = 'demo:* tokens:delegate'

async function withWorker() {
  const o = await oauthWorld()
  const worker = await o.w.addAgent('worker', 'demo:* tokens:delegate')
  return { ...o, worker, subject: await o.minted(o.w.local, scope) }
}

test('the client becomes the actor of a child of the subject token’s grant', async () => {
  const { w, worker, subject, exchange } = await withWorker()
  const parent = decodeJwt(subject)
  const answer = await exchange(worker, subject, 'demo:read')
  expect(answer).toMatchObject({
    status: 200,
    body: {
      issued_token_type: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'demo:read',
    },
  })
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(decodeJwt(tokenIn(answer))).toMatchObject({
    iss: w.issuer,
    aud: w.issuer,
    sub: w.local.id,
    client_id: worker.id,
    act: { sub: worker.id },
    scope: 'demo:read',
    remit: { lineage: [(parent['remit'] as { grant: string }).grant], depth: 1 },
  })
})

test('an actor token names who receives, where the client exchanges its own', async () => {
  const { w, worker, subject, exchange, minted } = await withWorker()
  const actor = await minted(worker, 'demo:read')
  const answer = await exchange(w.local, subject, 'demo:read', {
    actor_token: actor,
    actor_token_type: accessToken,
  })
  expect(decodeJwt(tokenIn(answer))).toMatchObject({
    sub: w.local.id,
    client_id: worker.id,
    act: { sub: worker.id },
  })
})

test('a chain of exchanges names every actor, the newest first', async () => {
  const { w, worker, subject, exchange } = await withWorker()
  const helper = await w.addAgent('helper', 'demo:*')
  const first = tokenIn(await exchange(worker, subject, 'demo:read tokens:delegate'))
  const second = tokenIn(await exchange(helper, first, 'demo:read'))
  expect(decodeJwt(second)).toMatchObject({
    sub: w.local.id,
    act: { sub: helper.id, act: { sub: worker.id } },
  })
})

test('the audit names the client as the presenter, under the grant of the subject', async () => {
  const { w, worker, subject, exchange } = await withWorker()
  await exchange(worker, subject, 'demo:read')
  const { grant } = decodeJwt(subject)['remit'] as { grant: string }
  const { events } = (await w.result(queryAudit, { operation: 'delegate_token' })) as {
    events: readonly object[]
  }
  expect(events[0]).toMatchObject({
    outcome: 'allowed',
    agent_id: w.local.id,
    grant_id: grant,
    presented: { agent_id: worker.id, method: 'secret', credential_id: worker.credentialId },
    detail: { to: worker.id, subject_token_id: decodeJwt(subject).jti },
  })
})

test('a limited subject yields opaque tokens, and each exchange takes a use', async () => {
  const o = await oauthWorld()
  const worker = await o.w.addAgent('worker', 'demo:*')
  const { mintToken } = await import('../../../src/operations/mint-token.ts')
  const made = await o.w.call(
    mintToken,
    { scopes: ['demo:read', 'tokens:delegate'], uses: 2, delivery: 'meta' },
    o.w.local,
  )
  const subject = (made.ok && made.meta?.['dev.remit/token']) || ''
  const token = tokenIn(await o.exchange(worker, subject, 'demo:read'))
  expect(token).toMatch(/^rmt_tok_/)
  const told = await o.w.result(introspectToken, { token: subject }, o.w.local)
  expect(told).toMatchObject({ uses_left: 1 })
  expect(errorOf(await o.exchange(worker, subject, 'demo:read'))).toBe('200 ')
  expect(errorOf(await o.exchange(worker, subject, 'demo:read'))).toBe('400 invalid_request')
})
