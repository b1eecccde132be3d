// Attacks on verifiers that do not ask (authority: 22 and 25): on what they fetch, on the way or at its source,
// on their clock and on their memory. Whatever cannot be told is refused.

import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { parseDenyList } from '../../src/core/deny-list.ts'
import { publicDenyList, publicKeys } from '../../src/operations/public-keys.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { insertToken, tokenById } from '../../src/store/tokens.ts'
import { maxOwnJwtLength, signOwnJwt } from '../../src/crypto/own-jwt.ts'
import { maxDenyListLength } from '../../src/core/deny-list.ts'
import { fetchFrom } from '../../src/verify/fetch-text.ts'
import { readKeySet } from '../../src/verify/key-set.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { served } from '../verify/served.ts'
import type { Served } from '../verify/served.ts'

const cause = 'test'

const says = async (verifier: Verifier, token: string, permission = 'demo:read') => {
  const checked = await verifier.check(token, [permission])
  return 'results' in checked ? checked.results[0]?.code : checked.reason
}

const list = (s: Served, since?: number) => publicDenyList(s.w.context, since)
const keys = async (s: Served) => JSON.stringify(await publicKeys(s.w.context))

/** A verifier behind somebody who answers the list in Remit's place; keys come from Remit. */
const behind = (s: Served, answer: (since?: number) => Promise<string>, more = {}) =>
  s.verifier({ fetch: async (what, since) => (what === 'jwks' ? keys(s) : answer(since)), ...more })

describe('a list that is replayed', () => {
  test('from before a revocation is good for its 30 seconds and no longer', async () => {
    const s = await served()
    const { token, grantId } = await s.mint()
    const old = await list(s)
    const verifier = behind(s, async () => old)
    s.w.pass(1)
    await s.w.result(revokeToken, { grant_id: grantId, cause })
    s.w.pass(29)
    expect(await says(verifier, token)).toBe('allowed')
    s.w.pass(1)
    expect(await says(verifier, token)).toBe('no_list_stale')
  })

  test('to a verifier that saw a newer one changes nothing', async () => {
    const s = await served()
    const { token, grantId } = await s.mint()
    const old = await list(s)
    let replayed = false
    const verifier = behind(s, async (since) => (replayed ? old : list(s, since)))
    s.w.pass(1)
    await s.w.result(revokeToken, { grant_id: grantId, cause })
    s.w.pass(1)
    expect(await says(verifier, token)).toBe('denied_grant')
    replayed = true
    s.w.pass(6)
    expect(await says(verifier, token)).toBe('denied_grant')
  })

  test('to one that was restarted and kept the version is refused', async () => {
    const s = await served()
    const { token, grantId } = await s.mint()
    const old = await list(s)
    s.w.pass(1)
    await s.w.result(revokeToken, { grant_id: grantId, cause })
    s.w.pass(1)
    let version = 0
    const onVersion = (seen: number) => void (version = seen)
    expect(await says(s.verifier({ onVersion }), token)).toBe('denied_grant')
    expect(version).toBe(s.w.context.live.seq)
    const restarted = behind(s, async () => old, { lowestVersion: version })
    expect(await says(restarted, token)).toBe('no_list_rolled_back')
  })

  test('to one whose clock is behind is as old as it is', async () => {
    const s = await served()
    const { token, grantId } = await s.mint()
    const old = await list(s)
    const slow = { now: () => s.w.now() - 3600 }
    const verifier = behind(s, async () => old, slow)
    expect(await says(verifier, token)).toBe('no_list_ahead')
    const little = behind(s, async () => old, { now: () => s.w.now() - 59 })
    expect(await says(little, token)).toBe('allowed')
    await s.w.result(revokeToken, { grant_id: grantId, cause })
    s.w.pass(31)
    expect(await says(little, token)).toBe('no_list_stale')
  })
})

test('a clock that is behind brings no expired token to life', async () => {
  const s = await served()
  const { token } = await s.mint()
  const verifier = s.verifier({ now: () => s.w.now() - 59 })
  s.w.pass(299)
  expect(await says(verifier, token)).toBe('allowed')
  s.w.pass(1)
  expect(await says(verifier, token)).toBe('expired')
})

describe('what another Remit publishes', () => {
  test('is not believed, though all its ids are the same', async () => {
    const s = await served()
    const other = await served()
    const { token } = await s.mint()
    const { token: theirs } = await other.mint()
    expect(await says(s.verifier(), theirs)).toBe('wrong_signature')
    const theirList = behind(s, () => list(other))
    expect(await says(theirList, token)).toBe('no_list_not_a_list')
    const allTheirs = s.verifier({ fetch: other.fetch, issuer: `${s.w.issuer}x` })
    expect(await says(allTheirs, theirs)).toBe('no_list_wrong_list_issuer')
    const theirKeys = s.verifier({
      fetch: async (what) => (what === 'jwks' ? keys(other) : list(s)),
    })
    expect(await says(theirKeys, token)).toBe('no_list_not_a_list')
  })
})

describe('keys', () => {
  test('one that was compromised is gone with the next list, though it is still in the cache', async () => {
    const s = await served()
    const { token } = await s.mint()
    await list(s)
    const before = await keys(s)
    const verifier = s.verifier({
      fetch: async (what, since) => (what === 'jwks' ? before : list(s, since)),
    })
    expect(await says(verifier, token)).toBe('allowed')
    await s.w.result(rotateSigningKey, { retire_after_seconds: 0 })
    s.w.pass(6)
    expect(await says(verifier, token)).toBe('key_not_believed')
  })

  test('one of the deny-list that was compromised signs no list any more', async () => {
    const s = await served()
    const { token } = await s.mint()
    const forged = await list(s)
    await s.w.result(rotateSigningKey, { purpose: 'deny_list', retire_after_seconds: 0 })
    s.w.pass(1)
    expect(
      await says(
        behind(s, async () => forged),
        token,
      ),
    ).toBe('no_list_unknown_list_key')
  })

  test('a set in which one key has two purposes, or two have one name, is no set', async () => {
    const s = await served()
    await list(s)
    const set = await publicKeys(s.w.context)
    const { keys: ofTokens, deny_list_keys: ofLists } = set
    expect(readKeySet(JSON.stringify(set))).toBeDefined()
    const { privateKey } = generateKeyPairSync('ed25519')
    const secret = { ...privateKey.export({ format: 'jwk' }), kid: 'x', alg: 'EdDSA', use: 'sig' }
    const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'x', alg: 'RS256', use: 'sig' }
    const symmetric = { kty: 'oct', k: 'AAAA', kid: 'x', alg: 'HS256', use: 'sig' }
    for (const hostile of [
      { ...set, deny_list_keys: ofTokens },
      { ...set, keys: [...ofTokens, ...ofLists] },
      { ...set, keys: [...ofTokens, { ...ofLists[0], kid: ofTokens[0]?.kid }] },
      { ...set, keys: [...ofTokens, secret] },
      { ...set, keys: [...ofTokens, rsa] },
      { ...set, keys: [...ofTokens, symmetric] },
      { ...set, keys: [{ ...ofTokens[0], alg: 'ES256' }] },
      { ...set, keys: [{ ...ofTokens[0], use: 'enc' }] },
      { ...set, keys: [] },
      { ...set, deny_list_keys: undefined },
      { ...set, keys: Array.from({ length: 65 }, () => ofTokens[0]) },
      [],
      null,
    ]) {
      expect(readKeySet(JSON.stringify(hostile))).toBeUndefined()
    }
    expect(readKeySet('x'.repeat(300_000))).toBeUndefined()
  })
})

describe('a delta', () => {
  test('that skips a revocation is refused, and the whole list fetched', async () => {
    const s = await served()
    const { token, grantId } = await s.mint()
    const skipping = async (since?: number) =>
      since === undefined ? list(s) : list(s, s.w.context.live.seq)
    const verifier = behind(s, skipping)
    expect(await says(verifier, token)).toBe('allowed')
    s.w.pass(1)
    await s.w.result(revokeToken, { grant_id: grantId, cause })
    s.w.pass(6)
    expect(await says(verifier, token)).toBe('denied_grant')
  })

  test('of a store that was set back is refused, though its numbers have caught up', async () => {
    const s = await served()
    const { token } = await s.mint()
    const { version } = decodeJwt(await list(s)) as { version: number }
    const verifier = behind(s, async (since) => {
      const told = parseDenyList(decodeJwt(await list(s, since)))
      if (told?.since === undefined) return list(s)
      const elsewhere = { ...told, since: { version, mark: 'another history' } }
      const { signer } = s.w.context.ring.signer('deny_list')
      return signOwnJwt(signer, elsewhere, maxDenyListLength)
    })
    expect(await says(verifier, token)).toBe('allowed')
    s.w.pass(6)
    expect(await says(verifier, token)).toBe('allowed')
    await s.w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause })
    s.w.pass(6)
    expect(await says(verifier, token)).toBe('denied_agent')
  })
})

describe('a source', () => {
  test.each([
    ['that is down', () => Promise.reject(new Error('down'))],
    ['that answers nothing', async () => ''],
    ['that answers a page', async () => '<html>'],
    ['that answers megabytes', async () => `${'A'.repeat(maxDenyListLength)}.A.A`],
  ])('%s lets nobody in', async (_, answer) => {
    const s = await served()
    const { token } = await s.mint()
    expect(await s.verifier({ fetch: answer }).verify(token)).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    })
  })

  test('is asked once a second at most while it fails, and what is known lasts 30 seconds', async () => {
    const s = await served()
    const { token } = await s.mint()
    let asked = 0
    let isDown = false
    const verifier = behind(s, async (since) => {
      asked += 1
      if (isDown) throw new Error('down')
      return list(s, since)
    })
    expect(await says(verifier, token)).toBe('allowed')
    isDown = true
    s.w.pass(6)
    for (let i = 0; i < 10; i++) expect(await says(verifier, token)).toBe('allowed')
    expect(asked).toBe(2)
    s.w.pass(25)
    expect(await says(verifier, token)).toBe('no_list_stale')
    isDown = false
    s.w.pass(1)
    expect(await says(verifier, token)).toBe('allowed')
  })

  test.each([
    'http://remit.example',
    'http://127.0.0.1.evil.example',
    'ftp://127.0.0.1',
    'https://user@remit.example',
    'https://remit.example/?x=1',
  ])('at %s is no place to fetch from', (url) => {
    const maxBytes = { jwks: 1, 'deny-list': 1 }
    expect(() => fetchFrom({ url, timeoutMs: 1, maxBytes })).toThrow(TypeError)
  })
})

test('a token that was decided before a restriction and dated after it is denied by name', async () => {
  const s = await served()
  const [told, cut] = [await s.mint(), await s.mint()]
  const seq = s.w.context.live.seq
  const late = async (token: string) => {
    const { jti } = decodeJwt(token) as { jti: string }
    const [record] = await s.w.context.store.read(tokenById(jti))
    if (record === undefined) throw new Error('No such token.')
    const id = s.w.context.newId('tok')
    const issuedAt = s.w.now() + 2
    const claims = { ...decodeJwt(token), jti: id, iat: issuedAt }
    await s.w.write([insertToken({ ...record, id, issuedAt, createdSeq: seq })])
    return signOwnJwt(s.w.context.ring.signer('access_token').signer, claims, maxOwnJwtLength)
  }
  s.w.pass(1)
  const lateTold = await late(told.token)
  await s.w.result(updateAgent, { agent: 'local', ceiling: ['demo:write'] })
  const lateCut = await late(cut.token)
  const verifier = s.verifier()
  s.w.pass(6)
  expect(await says(verifier, lateTold)).toBe('insufficient_scope')
  expect(await says(verifier, lateCut)).toBe('insufficient_scope')
  const lateAgain = await late(told.token)
  await s.w.result(revokeToken, { agent: 'local', cause })
  s.w.pass(6)
  expect(await says(verifier, lateAgain)).toBe('denied_token')
})
