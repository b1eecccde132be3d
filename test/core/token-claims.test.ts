import { describe, expect, it } from 'vitest'

import { parseAccessTokenClaims } from '../../src/core/token-claims.ts'

const via = { agent: 'agt_1', credential: 'crd_1' }

const remit = {
  org: 'org_1',
  grant: 'grt_2',
  lineage: ['grt_1'],
  via: [via, { ...via, instance: 'ins_1' }],
  depth: 1,
  max_depth: 5,
  task: 'report/2026',
}

const claims = {
  iss: 'urn:remit:x',
  sub: 'agt_1',
  aud: 'urn:remit:x',
  client_id: 'agt_2',
  iat: 100,
  exp: 400,
  jti: 'tok_1',
  scope: 'documents:read',
  act: { sub: 'agt_2' },
  remit,
}

const nested = (levels: number): object =>
  levels === 1 ? { sub: 'agt_1' } : { sub: 'agt_1', act: nested(levels - 1) }

describe('access token claims', () => {
  it.each<[string, object]>([
    ['a delegated grant', claims],
    ['without act', { ...claims, act: undefined }],
    ['acting at the deepest level', { ...claims, act: nested(16) }],
    ['bound to a key', { ...claims, cnf: { jkt: 'A'.repeat(43) } }],
    ['bound to a certificate', { ...claims, cnf: { 'x5t#S256': 'A'.repeat(43) } }],
    ['without a task', { ...claims, remit: { ...remit, task: undefined } }],
    ['a root', { ...claims, remit: { ...remit, depth: 0, lineage: [], via: [via] } }],
    ['with a claim of the future beside ours', { ...claims, later: true }],
  ])('are taken: %s', (_, given) => {
    expect(parseAccessTokenClaims(given)).toEqual({ ok: true, claims: given })
  })

  it.each([undefined, null, 'text', 7, [claims]])('must be an object, not %j', (given) => {
    expect(parseAccessTokenClaims(given)).toEqual({ ok: false, reason: 'not_an_object' })
  })

  it.each<[string, object]>([
    ['iss', { iss: 5 }],
    ['iss', { iss: '' }],
    ['sub', { sub: null }],
    ['aud', { aud: ['urn:remit:x'] }],
    ['client_id', { client_id: undefined }],
    ['iat', { iat: '100' }],
    ['iat', { iat: 100.5 }],
    ['iat', { iat: -1 }],
    ['exp', { exp: 2 ** 53 }],
    ['exp', { exp: undefined }],
    ['exp', { exp: 100 }],
    ['jti', { jti: {} }],
    ['scope', { scope: ['documents:read'] }],
    ['scope', { scope: '' }],
    ['act', { act: null }],
    ['act', { act: { sub: 5 } }],
    ['act', { act: { sub: 'agt_1', iss: 'x' } }],
    ['act', { act: nested(17) }],
    ['cnf', { cnf: null }],
    ['cnf', { cnf: {} }],
    ['cnf', { cnf: { jkt: 'short' } }],
    ['cnf', { cnf: { jkt: `${'A'.repeat(42)}B` } }],
    ['cnf', { cnf: { jkt: 'A'.repeat(43), 'x5t#S256': 'A'.repeat(43) } }],
    ['cnf', { cnf: { jwk: {} } }],
    ['remit', { remit: undefined }],
    ['remit', { remit: [] }],
    ['remit', { remit: { ...remit, later: true } }],
    ['remit', { remit: { ...remit, org: '' } }],
    ['remit', { remit: { ...remit, grant: null } }],
    ['remit', { remit: { ...remit, lineage: 'grt_1' } }],
    ['remit', { remit: { ...remit, lineage: [1] } }],
    ['remit', { remit: { ...remit, lineage: [] } }],
    ['remit', { remit: { ...remit, via: [via] } }],
    ['remit', { remit: { ...remit, via: [via, { agent: 'agt_1' }] } }],
    ['remit', { remit: { ...remit, via: [via, { ...via, instance: null }] } }],
    ['remit', { remit: { ...remit, via: [via, { ...via, later: true }] } }],
    ['remit', { remit: { ...remit, depth: '1' } }],
    ['remit', { remit: { ...remit, depth: 1, max_depth: 0 } }],
    ['remit', { remit: { ...remit, max_depth: 17 } }],
    ['remit', { remit: { ...remit, task: '' } }],
    ['remit', { remit: { ...remit, task: null } }],
  ])('with a wrong %s are refused: %j', (claim, changed) => {
    expect(parseAccessTokenClaims({ ...claims, ...changed })).toEqual({
      ok: false,
      reason: 'wrong_claim',
      claim,
    })
  })

  it('on a prototype are no claims', () => {
    expect(parseAccessTokenClaims(Object.create(claims))).toEqual({
      ok: false,
      reason: 'wrong_claim',
      claim: 'iss',
    })
  })
})
