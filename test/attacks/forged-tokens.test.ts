// Attacks by tokens that are not ours, or not as we made them (authority: 22). A token says which grant;
// whatever does not say it in our own spelling, under our own key, as recorded, is a stranger's.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { generateSigningKey, loadSigner } from '../../src/crypto/signing-key.ts'
import { signOwnJwt } from '../../src/crypto/own-jwt.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { authorityIn, byToken, findingsOf, grantIn, handedIn } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const asked = { scopes: ['demo:*'], grant_ttl_seconds: 3600, ttl_seconds: 900, delivery: 'meta' }

const presenting = (presentedToken: string): Presented => ({ kind: 'token', presentedToken })
const mint = async (w: World) => handedIn(await w.call(mintToken, asked, w.local))
const parts = (token: string) => token.split('.') as [string, string, string]
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

type Claims = Readonly<Record<string, unknown>>
const claimsIn = (token: string): Claims =>
  JSON.parse(Buffer.from(parts(token)[1], 'base64url').toString()) as Claims

const stranger = {
  code: 'invalid_token',
  message: 'The token is not one of ours, or no longer.',
  remedy: { text: 'Present a token that this server issued, unchanged.' },
}

const withHeader = (token: string, header: object) => {
  const [, payload, signature] = parts(token)
  return [encoded(header), payload, signature].join('.')
}

const respelled: readonly (readonly [string, (token: string) => string])[] = [
  ['nothing at all in it', () => '..'],
  ['one word', () => 'token'],
  ['two segments', (token) => parts(token).slice(0, 2).join('.')],
  ['four segments', (token) => `${token}.AA`],
  ['a space before it', (token) => ` ${token}`],
  ['a line break after it', (token) => `${token}\n`],
  ['padding', (token) => `${token}==`],
  // Some tokens have none of these letters: this one surely has.
  [
    'the other alphabet',
    (token) => `${token.slice(0, -2)}_A`.replaceAll('_', '/').replaceAll('-', '+'),
  ],
  ['its signature cut', (token) => token.slice(0, -4)],
  ['no signature', (token) => `${parts(token).slice(0, 2).join('.')}.`],
  [
    'stray bits in its last letter',
    (token) =>
      token.slice(0, -1) + String.fromCodePoint((token.codePointAt(token.length - 1) ?? 0) + 1),
  ],
  ['the algorithm none', (token) => withHeader(token, { alg: 'none', typ: 'at+jwt' })],
  ['the algorithm HS256', (token) => withHeader(token, { alg: 'HS256', typ: 'at+jwt' })],
  ['a key of its own in the header', (token) => withHeader(token, { alg: 'EdDSA', jwk: {} })],
  [
    'a later end',
    (token) => {
      const [header, , signature] = parts(token)
      return [header, encoded({ ...claimsIn(token), exp: 9_999_999_999 }), signature].join('.')
    },
  ],
  ['forty thousand letters', (token) => token + 'A'.repeat(40_000)],
  ['a null byte', (token) => `${token}\u0000`],
]

describe('a token that was not made here', () => {
  test.each(respelled)('with %s is a stranger’s', async (_, spell) => {
    const w = await world()
    const token = await mint(w)
    const before = authorityIn(w)
    const forged = spell(token)
    expect(forged).not.toBe(token)
    const refusal = await w.refusal(whoami, {}, presenting(forged))
    expect(refusal.toError()).toEqual(stranger)
    expect(authorityIn(w)).toEqual(before)
    expect((await w.result(whoami, {}, presenting(token))).method).toBe('token')
  })

  test('signed by another key under our header is a stranger’s', async () => {
    const w = await world()
    const claims = claimsIn(await mint(w))
    const { kid } = w.context.ring.signer('access_token')
    const { alg, privatePkcs8 } = generateSigningKey()
    const signer = loadSigner({ kid, alg, typ: 'at+jwt', privatePkcs8 })
    const refusal = await w.refusal(whoami, {}, presenting(signOwnJwt(signer, claims)))
    expect(refusal.toError()).toEqual(stranger)
  })

  test('signed by the checkpoint key is a stranger’s', async () => {
    const w = await world()
    const { signer } = w.context.ring.signer('checkpoint')
    const forged = signOwnJwt(signer, claimsIn(await mint(w)))
    expect((await w.refusal(whoami, {}, presenting(forged))).toError()).toEqual(stranger)
  })

  test('an opaque one that was never handed out is a stranger’s', async () => {
    const w = await world()
    const forged = newSecret('opaque_token').reveal()
    expect((await w.refusal(whoami, {}, presenting(forged))).toError()).toEqual(stranger)
  })

  test('is inactive to introspection, by argument and by metadata', async () => {
    const w = await world()
    const forged = withHeader(await mint(w), { alg: 'none' })
    const meta = { 'dev.remit/subject_token': forged }
    expect(await w.result(introspectToken, { token: forged })).toEqual({ active: false })
    expect(await w.result(introspectToken, {}, w.admin, { meta })).toEqual({ active: false })
  })
})

describe('our own key over claims that were not recorded', () => {
  const changes: readonly (readonly [string, (claims: Claims) => Claims])[] = [
    ['an unknown jti', (claims) => ({ ...claims, jti: 'tok_00000000000000000000009999' })],
    ['a later end', (claims) => ({ ...claims, exp: Number(claims['exp']) + 1 })],
    ['more scopes', (claims) => ({ ...claims, scope: 'tokens:*' })],
    ['another subject', (claims) => ({ ...claims, sub: 'agt_00000000000000000000000001' })],
    ['another issuer', (claims) => ({ ...claims, iss: 'urn:remit:other' })],
    ['another audience', (claims) => ({ ...claims, aud: 'urn:remit:other' })],
    ['one claim more', (claims) => ({ ...claims, admin: true })],
    ['one claim less', ({ scope: _, ...claims }) => claims],
    ['its claims in another order', ({ iss, ...claims }) => ({ ...claims, iss })],
    ['a list for an audience', (claims) => ({ ...claims, aud: [claims['aud']] })],
    ['no grant', (claims) => ({ ...claims, remit: null })],
    [
      'an unknown grant',
      (claims) => ({
        ...claims,
        remit: { ...(claims['remit'] as object), grant: 'grt_00000000000000000000009999' },
      }),
    ],
  ]

  test.each(changes)('%s is a stranger’s, with a finding', async (_, change) => {
    const w = await world()
    const { signer } = w.context.ring.signer('access_token')
    const claims = claimsIn(await mint(w))
    const same = signOwnJwt(signer, claims)
    expect((await w.call(whoami, {}, presenting(same))).ok).toBe(true)
    const forged = signOwnJwt(signer, change(claims))
    expect((await w.refusal(whoami, {}, presenting(forged))).toError()).toEqual(stranger)
    expect(await findingsOf(w)).toEqual(['forged_claims'])
  })
})

describe('a signing key that was compromised', () => {
  test('takes every token under it along, cached or not, in every process', async () => {
    const w = await world()
    const other = await w.startProcess()
    const minted = await w.call(mintToken, asked, w.local)
    const as = byToken(minted)
    await w.result(whoami, {}, as)
    await w.result(whoami, {}, as, { in: other })
    const { kid: old } = w.context.ring.signer('access_token')
    const { kid } = await w.result(rotateSigningKey, { retire_after_seconds: 0 })
    for (const context of [w.context, other]) {
      expect((await w.refusal(whoami, {}, as, { in: context })).code).toBe('invalid_token')
      const { keys } = await publicKeys(context)
      expect(keys.map((key) => key.kid)).toEqual([kid])
      expect(kid).not.toBe(old)
    }
    const renewed = { grant_id: grantIn(minted), delivery: 'meta' }
    const fresh = byToken(await w.call(renewToken, renewed, w.local, { in: other }))
    expect((await w.result(whoami, {}, fresh)).grant.id).toBe(grantIn(minted))
  })

  test('one that retires in peace is believed until then', async () => {
    const w = await world()
    const as = byToken(await w.call(mintToken, asked, w.local))
    await w.result(rotateSigningKey, { retire_after_seconds: 60 })
    w.pass(59)
    expect((await w.call(whoami, {}, as)).ok).toBe(true)
    w.pass(1)
    expect((await w.refusal(whoami, {}, as)).code).toBe('invalid_token')
  })
})
