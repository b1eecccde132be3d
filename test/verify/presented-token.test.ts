// What another server takes from a request: one token from one place, and a proof where one was promised.

import { expect, test } from 'vitest'
import { presentedToken } from '../../src/verify/presented-token.ts'

const by = (authorization: string) => ({ requestInfo: { headers: { authorization } } })
const unusable = { ok: false, reason: 'unusable_presented' }

test('the DPoP scheme promises a proof, and is refused without one', () => {
  expect(presentedToken({}, by('DPoP a.b.c'))).toEqual(unusable)
  expect(presentedToken({}, by('dpop a.b.c'))).toEqual(unusable)
  const proven = { 'dev.remit/proof': 'p' }
  expect(presentedToken(proven, by('DPoP a.b.c'))).toEqual({ ok: true, token: 'a.b.c', proof: 'p' })
  expect(presentedToken({}, by('Bearer a.b.c'))).toEqual({ ok: true, token: 'a.b.c' })
})

test('a token in two places, or one that is none, is refused', () => {
  const both = presentedToken({ 'dev.remit/token': 'x' }, by('Bearer y'))
  expect(both).toEqual({ ok: false, reason: 'two_presented' })
  expect(presentedToken({ 'dev.remit/token': '' }, undefined)).toEqual(unusable)
  expect(presentedToken({}, by('Basic eA=='))).toEqual(unusable)
})
