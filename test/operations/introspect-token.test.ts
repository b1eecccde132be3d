// introspect_token: whether a token or grant is active, and if so what it is (RFC 7662).

import { expect, test } from 'vitest'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf } from './asking.ts'

test('an active token is described as its claims and grant say', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const root = await rootOf(w, w.local, { task: 'release' })
  const child = await childOf(w, root.presented, { to: 'helper', scopes: ['demo/a:read'] })
  const { presentedToken } = child.presented
  const meta = { 'dev.remit/subject_token': presentedToken }
  const described = await ask(w, introspectToken, {}, w.local, { meta })
  expect(described).toEqual({
    active: true,
    scope: 'demo/a:read',
    sub: w.local.id,
    aud: w.issuer,
    client_id: helper.id,
    iat: w.now(),
    exp: child.expires_at,
    jti: child.token_id,
    iss: w.issuer,
    token_type: 'Bearer',
    act: { sub: helper.id },
    grant_id: child.grant_id,
    lineage: [root.grant_id],
    depth: 1,
    max_depth: root.max_depth,
    task: 'release',
  })
  for (const asked of [
    { token: presentedToken },
    { token_id: child.token_id },
    { grant_id: child.grant_id },
  ]) {
    expect(await ask(w, introspectToken, asked, w.local)).toEqual(described)
  }
})

test('an opaque token is described with its uses, and looking costs none', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { uses: 2 })
  expect(root.presented.presentedToken).toMatch(/^rmt_tok_/)
  const asked = { token: root.presented.presentedToken }
  for (let look = 0; look < 3; look++) {
    expect(await ask(w, introspectToken, asked, root.presented)).toMatchObject({
      active: true,
      uses_left: 2,
      depth: 0,
    })
  }
})

test('a dead one tells its own chain and readers why', async () => {
  const w = await world()
  const reader = await w.addAgent('reader', 'tokens:read')
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented, { scopes: ['demo:read'] })
  await ask(w, revokeToken, { grant_id: root.grant_id, cause: 'test' }, w.local)
  for (const as of [w.local, reader]) {
    expect(await ask(w, introspectToken, { grant_id: root.grant_id }, as)).toEqual({
      active: false,
      reason: 'invalid_token',
    })
    expect(await ask(w, introspectToken, { token_id: child.token_id }, as)).toEqual({
      active: false,
      reason: 'ancestor_revoked',
    })
  }
  await ask(w, setAgentStatus, { agent: 'local', status: 'suspended', cause: 'test' })
  expect(await ask(w, introspectToken, { grant_id: root.grant_id }, reader)).toMatchObject({
    active: false,
  })
})

test('to others everything is inactive, as what is unknown is', async () => {
  const w = await world()
  const stranger = await w.addAgent('stranger', 'demo:*')
  const { admin } = await w.addOrg('other')
  const root = await rootOf(w, w.local)
  for (const asked of [
    { token: root.presented.presentedToken },
    { token_id: root.token_id },
    { grant_id: root.grant_id },
    { token: 'eyJ0.e30.x' },
    { token: 'nothing' },
    { token_id: w.context.newId('tok') },
    { grant_id: w.context.newId('grt') },
  ]) {
    for (const as of [stranger, admin]) {
      expect(await ask(w, introspectToken, asked, as)).toEqual({ active: false })
    }
  }
})

test('a token that ended is inactive while its grant lives', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { ttl_seconds: 60, grant_ttl_seconds: 3000 })
  w.pass(60)
  expect(await ask(w, introspectToken, { token_id: root.token_id }, w.local)).toEqual({
    active: false,
    reason: 'invalid_token',
  })
  expect(await ask(w, introspectToken, { grant_id: root.grant_id }, w.local)).toMatchObject({
    active: true,
    exp: root.grant_expires_at,
  })
})

test('exactly one is named', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  for (const asked of [{}, { token_id: root.token_id, grant_id: root.grant_id }]) {
    expect(await refuse(w, introspectToken, asked, w.local)).toMatchObject({
      code: 'invalid_request',
    })
  }
  const meta = { 'dev.remit/subject_token': root.presented.presentedToken }
  const asked = { token_id: root.token_id }
  expect(await refuse(w, introspectToken, asked, w.local, { meta })).toMatchObject({
    code: 'invalid_request',
  })
})

test('agents cannot spend', async () => {
  const w = await world()
  const root = await rootOf(w, w.local, { uses: 1 })
  const asked = { grant_id: root.grant_id, spend: true }
  expect(await refuse(w, introspectToken, asked, w.local)).toMatchObject({
    code: 'insufficient_scope',
  })
  expect(await ask(w, introspectToken, { ...asked, spend: false }, w.local)).toMatchObject({
    uses_left: 1,
  })
})
