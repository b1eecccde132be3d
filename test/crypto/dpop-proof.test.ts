// DPoP proofs: what each check of RFC 9449 §4.3 refuses, by its exact reason; and nonces, which are
// recognised without being kept.

import { createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { verifyDpopProof } from '../../src/crypto/dpop-proof.ts'
import { isFreshNonce, nonceAt, nonceLifeSeconds } from '../../src/crypto/nonce.ts'
import { signCallProof, signDpopProof } from '../../src/sign/key-proof.ts'
import type { DpopRequest, Stamp } from '../../src/sign/key-proof.ts'
import { boundKey } from '../support/bound.ts'

const now = 1_000_000
const { privateJwk } = boundKey()
const asked = { method: 'POST', url: 'https://remit.example/mcp', token: 'token', nonce: 'nonce' }

async function reason(change: Partial<DpopRequest>, stamp: Stamp = {}): Promise<string> {
  const proof = await signDpopProof(privateJwk, { ...asked, ...change }, { now, ...stamp })
  const isNonce = (nonce: string) => nonce === 'nonce'
  const verified = await verifyDpopProof(proof, { ...asked, isFreshNonce: isNonce }, now)
  return verified.ok ? 'accepted' : verified.reason
}

const { nonce: _, ...withoutNonce } = asked
const { token: __, ...withoutToken } = asked

test.each([
  ['accepted', {}, {}],
  ['accepted', { url: 'HTTPS://REMIT.example:443/a/../mcp?query#fragment' }, {}],
  ['wrong_htm', { method: 'post' }, {}],
  ['wrong_htm', { method: 'GET' }, {}],
  ['wrong_htu', { url: 'https://remit.example/MCP' }, {}],
  ['wrong_htu', { url: 'https://remit.example/mcp/' }, {}],
  ['wrong_htu', { url: 'http://remit.example/mcp' }, {}],
  ['wrong_htu', { url: 'https://remit.example:8443/mcp' }, {}],
  ['wrong_htu', { url: 'https://remit.example.evil.example/mcp' }, {}],
  ['wrong_ath', { token: 'another' }, {}],
  ['use_dpop_nonce', { nonce: 'another' }, {}],
  ['too_old', {}, { now: now - 120 }],
  ['accepted', {}, { now: now - 119 }],
  ['issued_in_future', {}, { now: now + 61 }],
  ['malformed_jti', {}, { jti: 'short' }],
] as const)('%s: %j %j', async (expected, change, stamp) => {
  expect(await reason(change, stamp)).toBe(expected)
})

test('what is left out does not count as right', async () => {
  const isNonce = () => true
  const sign = (request: DpopRequest) => signDpopProof(privateJwk, request, { now })
  const verify = async (proof: string, request: object) =>
    verifyDpopProof(proof, { ...withoutToken, isFreshNonce: isNonce, ...request }, now)
  expect(await verify(await sign(withoutNonce), asked)).toMatchObject({ reason: 'use_dpop_nonce' })
  expect(await verify(await sign(withoutToken), asked)).toMatchObject({ reason: 'wrong_ath' })
  expect(await verify(await sign(asked), {})).toMatchObject({ reason: 'wrong_ath' })
  const of = { token: 'token' }
  const call = { audience: 'i', operation: 'whoami', arguments: {}, meta: {}, of }
  const other = await signCallProof(privateJwk, call, { now })
  expect(await verify(other, asked)).toMatchObject({ reason: 'wrong_typ' })
})

test('a nonce is taken for its time, and only where its key is known', () => {
  const key = createSecretKey(Buffer.alloc(32, 1))
  const other = createSecretKey(Buffer.alloc(32, 2))
  const nonce = nonceAt(key, now)
  const taken = (text: string, at = now, by = key) => isFreshNonce(by, text, at)
  expect([taken(nonce), taken(nonce, now + nonceLifeSeconds - 1)]).toEqual([true, true])
  expect([taken(nonce, now + nonceLifeSeconds), taken(nonce, now - 1)]).toEqual([false, false])
  expect([taken(nonce, now, other), taken(`${nonce.slice(0, -1)}A`), taken('')]).toEqual([
    false,
    false,
    false,
  ])
  const later = Buffer.from(nonce, 'base64url')
  later.writeUIntBE(now + 100, 0, 6)
  expect(taken(later.toString('base64url'), now + 100)).toBe(false)
})
