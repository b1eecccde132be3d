// A token that is bound to a key is worth nothing without a proof by that key, made for this very call and
// used once. Whoever stole the token, or saw a proof, gets no further.

import { describe, expect, test } from 'vitest'
import { metaKeys } from '../../src/authority/presented.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import { boundKey, callWith, provenCall, provenMeta } from '../support/bound.ts'
import type { Meta, Proving } from '../support/bound.ts'
import { lastEvent } from '../operations/asking.ts'
import { codeOf, minted, renewed } from './attack.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const check = { permissions: ['demo:read'] }
const scopes = ['demo:*', 'tokens:delegate']

async function bound(kind: Parameters<typeof boundKey>[0] = 'ed25519', more: object = {}) {
  const w = await world()
  const key = boundKey(kind)
  const args = { scopes, bind_jwk: key.publicJwk, ...more }
  const held = await minted(w, w.local, args)
  return { w, key, held }
}

const reasonOf = async (w: World): Promise<unknown> =>
  (JSON.parse(String((await lastEvent(w))['detail'])) as { reason?: unknown }).reason

describe('a bound token', () => {
  test('is used with a proof by its key, whichever kind that is', async () => {
    const w = await world()
    for (const kind of ['ed25519', 'p256', 'p384', 'rsa'] as const) {
      const key = boundKey(kind)
      const { text } = await minted(w, w.local, { scopes, bind_jwk: key.publicJwk })
      expect(await provenCall(w, key.privateJwk, text, 'check_permission', check)).toMatchObject({
        ok: true,
        result: { allowed: true },
      })
    }
  })

  test('that has limited uses is opaque, and bound all the same', async () => {
    const { w, key, held } = await bound('ed25519', { uses: 3 })
    expect(held.text).toMatch(/^rmt_tok_/)
    expect(codeOf(await callWith(w, 'whoami', {}, { [metaKeys.token]: held.text }))).toBe(
      'invalid_token',
    )
    expect(codeOf(await provenCall(w, key.privateJwk, held.text, 'whoami'))).toBe('allowed')
  })

  test('says so in its claims and when it is introspected', async () => {
    const { w, key, held } = await bound()
    const claims = JSON.parse(
      Buffer.from(held.text.split('.')[1] ?? '', 'base64url').toString(),
    ) as { cnf: { jkt: string } }
    expect(claims.cnf.jkt).toMatch(/^[\w-]{43}$/)
    const asked = { token_id: held.tokenId }
    expect(await provenCall(w, key.privateJwk, held.text, 'introspect_token', asked)).toMatchObject(
      {
        result: { active: true, token_type: 'DPoP', cnf: claims.cnf },
      },
    )
  })

  test('is known when it is stolen: the audit names its holder and what was wrong', async () => {
    const { w, held } = await bound()
    const answer = await callWith(w, 'check_permission', check, { [metaKeys.token]: held.text })
    expect(codeOf(answer)).toBe('invalid_token')
    const event = await lastEvent(w)
    expect([event['agent_id'], JSON.parse(String(event['detail']))]).toEqual([
      w.local.id,
      { finding: 'unproven_token', reason: 'no_proof' },
    ])
  })

  test('is of no more use to the thief by another form', async () => {
    const { w, key, held } = await bound()
    const bearer = { kind: 'token', presentedToken: held.text } as const
    const over = { scheme: 'Bearer', method: 'POST', url: 'https://remit.example/mcp' } as const
    const forms = [bearer, { ...bearer, over }, { ...bearer, over, presentedProof: 'x' }]
    for (const form of forms) {
      expect(codeOf(await w.call(mintToken, { scopes }, form))).toBe('invalid_token')
    }
    // Whoever has the key but presents another's token proves nothing either.
    const other = await minted(w, w.local, { scopes })
    expect(codeOf(await provenCall(w, key.privateJwk, other.text, 'whoami'))).toBe('invalid_token')
  })
})

describe('a proof', () => {
  const wrong: readonly (readonly [string, string, (w: World) => Proving])[] = [
    ['for another server', 'wrong_aud', () => ({ claims: { audience: 'urn:remit:another' } })],
    ['for another operation', 'wrong_operation', () => ({ claims: { operation: 'whoami' } })],
    [
      'for other arguments',
      'wrong_arguments_hash',
      () => ({ claims: { arguments: { permissions: ['demo:write'] } } }),
    ],
    ['for other metadata', 'wrong_meta_hash', () => ({ claims: { meta: {} } })],
    ['for another token', 'wrong_ath', () => ({ claims: { of: { token: 'another' } } })],
    ['for a grant, not a token', 'wrong_ath', () => ({ claims: { of: { grant: 'grt_1' } } })],
    ['from long ago', 'too_old', (w) => ({ now: w.now() - 120 })],
    ['from the future', 'issued_in_future', (w) => ({ now: w.now() + 61 })],
    ['without a real id', 'malformed_jti', () => ({ jti: '1' })],
    ['with an endless id', 'malformed_jti', () => ({ jti: 'x'.repeat(257) })],
  ]
  test('of anything but this call is refused, for a reason that the audit knows', async () => {
    const { w, key, held } = await bound()
    const { privateJwk } = key
    const met: (readonly [string, string, unknown])[] = []
    for (const [what, , change] of wrong) {
      const proving = change(w)
      const answer = await provenCall(w, privateJwk, held.text, 'check_permission', check, proving)
      met.push([what, codeOf(answer), await reasonOf(w)])
    }
    expect(met).toEqual(wrong.map(([what, reason]) => [what, 'invalid_token', reason]))
  })

  test('by another key is refused', async () => {
    const { w, held } = await bound()
    const another = boundKey().privateJwk
    expect(codeOf(await provenCall(w, another, held.text, 'whoami'))).toBe('invalid_token')
    expect(await reasonOf(w)).toBe('wrong_key')
  })

  test('covers narrowing by metadata: neither left out nor put in afterwards', async () => {
    const { w, key, held } = await bound()
    const meta = await provenMeta(w, key.privateJwk, held.text, 'whoami', {})
    const narrowed = { ...meta, [metaKeys.actAs]: held.grantId }
    expect(codeOf(await callWith(w, 'whoami', {}, narrowed))).toBe('invalid_token')
    expect(await reasonOf(w)).toBe('wrong_meta_hash')
  })

  test('does not care how arguments are spelled, only what they say', async () => {
    const { w, key, held } = await bound()
    const args = { permissions: ['demo:read'], grant_id: held.grantId }
    const meta = await provenMeta(w, key.privateJwk, held.text, 'check_permission', args)
    const turned = { grant_id: held.grantId, permissions: ['demo:read'] }
    expect(codeOf(await callWith(w, 'check_permission', turned, meta))).toBe('allowed')
  })

  test('counts once: not again, not in another process, not after a restart', async () => {
    const { w, key, held } = await bound()
    const other = await w.startProcess()
    const meta = await provenMeta(w, key.privateJwk, held.text, 'check_permission', check)
    const outcomes: string[] = []
    for (const context of [w.context, w.context, other, await w.startProcess()]) {
      outcomes.push(codeOf(await callWith(w, 'check_permission', check, meta, context)))
    }
    expect(outcomes).toEqual(['allowed', ...Array(3).fill('replay_detected')])
  })

  test('raced by ten is taken once', async () => {
    const { w, key, held } = await bound()
    const other = await w.startProcess()
    const meta = await provenMeta(w, key.privateJwk, held.text, 'whoami', {})
    const racing = Array.from({ length: 10 }, (_, i) =>
      callWith(w, 'whoami', {}, meta, i % 2 === 0 ? w.context : other),
    )
    const codes = (await Promise.all(racing)).map(codeOf)
    expect(codes.filter((code) => code === 'allowed')).toHaveLength(1)
    expect(codes.filter((code) => code === 'replay_detected')).toHaveLength(9)
  })

  test('is forgotten only once nobody could take it again', async () => {
    const { w, key, held } = await bound('ed25519', { ttl_seconds: 3600 })
    const first = await provenMeta(w, key.privateJwk, held.text, 'whoami', {})
    expect(codeOf(await callWith(w, 'whoami', {}, first))).toBe('allowed')
    const kept = () => w.read(`select count(*) from used_proofs`)
    w.pass(1000)
    for (let i = 0; i < 63; i++) await provenCall(w, key.privateJwk, held.text, 'whoami')
    await w.context.committer.idle()
    expect(await kept()).toBe(63)
    expect(codeOf(await callWith(w, 'whoami', {}, first))).toBe('invalid_token')
  })

  const forged: readonly (readonly [string, (proof: string) => string])[] = [
    ['without a signature', (proof) => proof.replace(/[^.]*$/, '')],
    ['with alg none', (proof) => withHeader(proof, { alg: 'none' })],
    ['by a shared secret', (proof) => withHeader(proof, { alg: 'HS256' })],
    ['that names its key', (proof) => withHeader(proof, { kid: 'a' })],
    ['that fetches its key', (proof) => withHeader(proof, { jku: 'https://evil.example' })],
    ['with a certificate', (proof) => withHeader(proof, { x5c: ['AA'] })],
    ['with a critical extension', (proof) => withHeader(proof, { crit: ['b64'], b64: false })],
    ['of another type', (proof) => withHeader(proof, { typ: 'dpop+jwt' })],
    ['of no type', (proof) => withHeader(proof, { typ: undefined })],
    ['without a key', (proof) => withHeader(proof, { jwk: undefined })],
    ['that is encrypted', (proof) => `${proof}.a.b`],
    ['that is compressed', (proof) => withHeader(proof, { zip: 'DEF' })],
    ['that is no token', () => 'proof'],
    ['that is huge', () => 'a'.repeat(20_000)],
  ]
  test('that fails lists nothing: what is listed is refused as the call would be', async () => {
    const { w, key, held } = await bound()
    const surface = operationSurface(w.context, { kind: 'nothing' })
    const good = (method: string) => provenMeta(w, key.privateJwk, held.text, method, {})
    const lists = {
      'tools/list': surface.listTools,
      'resources/list': surface.listResources,
      'resources/templates/list': surface.listResourceTemplates,
    }
    for (const [method, list] of Object.entries(lists)) {
      const meta = await good(method)
      const token = { [metaKeys.token]: held.text }
      const wrong: readonly [Meta, string][] = [
        [{ ...meta, [metaKeys.proof]: 'garbage' }, 'invalid_token'],
        [await good('whoami'), 'invalid_token'],
        [{ ...token, [metaKeys.actAsProof]: 'garbage' }, 'invalid_token'],
        [{ [metaKeys.proof]: 'garbage' }, 'invalid_client'],
        [{ [metaKeys.proof]: String(meta[metaKeys.proof]) }, 'invalid_client'],
      ]
      for (const [each, code] of wrong) {
        await expect(list({ meta: each })).rejects.toMatchObject({ code })
      }
      expect((await list({ meta })).items.length).toBeGreaterThan(0)
      await expect(list({ meta })).rejects.toMatchObject({ code: 'replay_detected' })
    }
  })

  test('in any form but its own is refused', async () => {
    const { w, key, held } = await bound()
    const meta = await provenMeta(w, key.privateJwk, held.text, 'whoami', {})
    const met: (readonly [string, string])[] = []
    for (const [what, forge] of forged) {
      const presented: Meta = { ...meta, [metaKeys.proof]: forge(meta[metaKeys.proof] ?? '') }
      met.push([what, codeOf(await callWith(w, 'whoami', {}, presented))])
    }
    expect(met).toEqual(forged.map(([what]) => [what, 'invalid_token']))
    expect(codeOf(await callWith(w, 'whoami', {}, meta))).toBe('allowed')
  })

  test('that brings its private key is refused', async () => {
    const { w, key, held } = await bound()
    const meta = await provenMeta(w, key.privateJwk, held.text, 'whoami', {})
    const forged = withHeader(meta[metaKeys.proof] ?? '', { jwk: key.privateJwk })
    const answer = await callWith(w, 'whoami', {}, { ...meta, [metaKeys.proof]: forged })
    expect([codeOf(answer), await reasonOf(w)]).toEqual(['invalid_token', 'private_members'])
  })
})

describe('a grant below a bound one', () => {
  test('must be bound too, to whatever key its holder has', async () => {
    const { w, key, held } = await bound()
    const asked = { scopes: ['demo:read'], delivery: 'meta' }
    const { privateJwk } = key
    const call = (args: object) => provenCall(w, privateJwk, held.text, 'delegate_token', args)
    expect(codeOf(await call(asked))).toBe('binding_downgrade')
    const childKey = boundKey('p256')
    const child = await call({ ...asked, bind_jwk: childKey.publicJwk })
    expect(codeOf(child)).toBe('allowed')
    const text = (child.ok && child.meta?.['dev.remit/token']) || ''
    expect(codeOf(await provenCall(w, childKey.privateJwk, text, 'whoami'))).toBe('allowed')
    expect(codeOf(await provenCall(w, privateJwk, text, 'whoami'))).toBe('invalid_token')
  })

  test('is renewed as bound as it was', async () => {
    const { w, key, held } = await bound('ed25519', { grant_ttl_seconds: 3600 })
    const again = await renewed(w, w.local, { grant_id: held.grantId })
    expect(codeOf(await callWith(w, 'whoami', {}, { [metaKeys.token]: again.text }))).toBe(
      'invalid_token',
    )
    expect(codeOf(await provenCall(w, key.privateJwk, again.text, 'whoami'))).toBe('allowed')
    const own = await provenCall(w, key.privateJwk, again.text, 'renew_token', { delivery: 'meta' })
    expect(codeOf(own)).toBe('allowed')
  })
})

test('a grant is bound to nothing but a sound public key, and a private one is not echoed', async () => {
  const w = await world()
  const unsound = [
    boundKey().privateJwk,
    { kty: 'oct', k: 'AAAA' },
    boundKey('x25519').publicJwk,
    { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' },
    {},
  ]
  for (const jwk of unsound) {
    const refusal = await w.refusal(mintToken, { scopes, bind_jwk: jwk }, w.local)
    expect(refusal.code).toBe('invalid_request')
    expect(JSON.stringify(refusal.toError())).not.toContain(String(jwk['d'] ?? 'never'))
  }
})

function withHeader(proof: string, change: object): string {
  const [header = '', ...rest] = proof.split('.')
  const changed = {
    ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object),
    ...change,
  }
  return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
}
