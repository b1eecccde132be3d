import { generateKeyPairSync, sign } from 'node:crypto'

import fc from 'fast-check'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'

import { verifyForeignJws } from '../../src/crypto/foreign-jws.ts'
import { clockToleranceSeconds, verifyForeignJwt } from '../../src/crypto/foreign-jwt.ts'
import type { JwtExpectations } from '../../src/crypto/foreign-jwt.ts'
import { checkPublicJwk } from '../../src/crypto/public-key.ts'
import type { PublicKey } from '../../src/crypto/public-key.ts'

const pairs = {
  EdDSA: generateKeyPairSync('ed25519'),
  other: generateKeyPairSync('ed25519'),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
type Name = keyof typeof pairs

function publicKey(name: Name, more: object = {}): PublicKey {
  const alg = name === 'other' ? 'EdDSA' : name
  const jwk = pairs[name].publicKey.export({ format: 'jwk' })
  const checked = checkPublicJwk({ ...jwk, alg, ...more })
  if (!checked.ok) throw new Error(checked.reason)
  return checked.key
}

const now = 1_000_000
const expected: JwtExpectations = {
  typ: ['JWT', undefined],
  audience: 'urn:remit:x',
  issuer: 'agt_1',
  subject: 'agt_1',
  now,
  maxAgeSeconds: 300,
  exp: 'required',
}
const claims = {
  iss: 'agt_1',
  sub: 'agt_1',
  aud: 'urn:remit:x',
  jti: 'once',
  iat: now - 10,
  exp: now + 50,
}
const key = publicKey('EdDSA')
const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url')

/** A token with exactly these texts as header and payload, truly signed. */
function signed(
  header: string | Buffer,
  payload: string | Buffer = JSON.stringify(claims),
): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${base64url(sign(null, Buffer.from(input), pairs.EdDSA.privateKey))}`
}
const plain = '{"alg":"EdDSA"}'
const verify = (token: string, changed: Partial<JwtExpectations> = {}) =>
  verifyForeignJwt(token, [key], { ...expected, ...changed })

describe('a foreign JWT', () => {
  it.each<Name>(['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256'])(
    'signed with %s is taken',
    async (name) => {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: name, typ: 'JWT' })
        .sign(pairs[name].privateKey)
      const known = publicKey(name)
      const { iss, sub, jti, iat, exp } = claims
      expect(await verifyForeignJwt(token, [known], expected)).toEqual({
        ok: true,
        claims: { iss, sub, jti, iat, exp },
        all: claims,
        key: known,
        freshUntil: now + 50,
      })
    },
  )

  it('may call EdDSA by its newer name', async () => {
    expect(await verify(signed('{"alg":"Ed25519"}'))).toMatchObject({ ok: true })
  })

  it('is fresh for no longer than it may be old', async () => {
    const lasting = signed(plain, JSON.stringify({ ...claims, exp: now + 99_999 }))
    expect(await verify(lasting)).toMatchObject({ ok: true, freshUntil: claims.iat + 300 })
  })

  it('may lack exp where its age alone counts', async () => {
    const { exp: _, ...timeless } = claims
    const token = signed(plain, JSON.stringify(timeless))
    expect(await verify(token, { exp: 'optional' })).toMatchObject({ ok: true })
    expect(await verify(token)).toMatchObject({ ok: false, reason: 'malformed_time' })
  })

  it('keeps claims nobody asked for', async () => {
    const token = signed(plain, JSON.stringify({ ...claims, extra: [1] }))
    expect(await verify(token)).toMatchObject({ ok: true, all: { ...claims, extra: [1] } })
  })

  it.each<[string, string, object]>([
    ['wrong_issuer', 'another issuer', { iss: 'agt_2' }],
    ['wrong_issuer', 'no issuer', { iss: undefined }],
    ['wrong_issuer', 'a list of issuers', { iss: ['agt_1'] }],
    ['wrong_subject', 'another subject', { sub: 'agt_2' }],
    ['wrong_subject', 'no subject', { sub: undefined }],
    ['wrong_audience', 'another audience', { aud: 'urn:remit:y' }],
    ['wrong_audience', 'a list with ours alone', { aud: ['urn:remit:x'] }],
    ['wrong_audience', 'a list with ours and another', { aud: ['urn:remit:x', 'y'] }],
    ['wrong_audience', 'no audience', { aud: undefined }],
    ['wrong_audience', 'ours with a slash', { aud: 'urn:remit:x/' }],
    ['malformed_jti', 'no jti', { jti: undefined }],
    ['malformed_jti', 'an empty jti', { jti: '' }],
    ['malformed_jti', 'a number as jti', { jti: 5 }],
    ['malformed_jti', 'a jti without end', { jti: 'x'.repeat(257) }],
    ['malformed_time', 'no iat', { iat: undefined }],
    ['malformed_time', 'iat as text', { iat: String(now) }],
    ['malformed_time', 'a fraction in iat', { iat: now + 0.5 }],
    ['malformed_time', 'a negative iat', { iat: -1 }],
    ['malformed_time', 'exp as text', { exp: String(now + 50) }],
    ['malformed_time', 'exp beyond integers', { exp: 2 ** 53 }],
    ['malformed_time', 'exp null', { exp: null }],
    ['malformed_time', 'nbf as text', { nbf: String(now) }],
    ['issued_in_future', 'an iat too far ahead', { iat: now + clockToleranceSeconds + 1 }],
    ['too_old', 'an iat too long ago', { iat: now - 301 }],
    ['expired', 'an exp that is now', { exp: now }],
    ['expired', 'an exp in the past', { exp: now - 1 }],
    ['not_yet_valid', 'an nbf ahead', { nbf: now + clockToleranceSeconds + 1 }],
  ])('is refused as %s: %s', async (reason, _, changed) => {
    const token = signed(plain, JSON.stringify({ ...claims, ...changed }))
    expect(await verify(token)).toMatchObject({ ok: false, reason })
  })

  it.each<[string, object]>([
    ['an iat as far ahead as tolerated', { iat: now + clockToleranceSeconds }],
    ['an iat as old as allowed', { iat: now - 300 }],
    ['a second left', { exp: now + 1 }],
    ['an nbf that has come', { nbf: now }],
  ])('is taken at the edge: %s', async (_, changed) => {
    const token = signed(plain, JSON.stringify({ ...claims, ...changed }))
    expect(await verify(token)).toMatchObject({ ok: true })
  })

  it.each<[string, string]>([
    ['another type', '{"alg":"EdDSA","typ":"at+jwt"}'],
    ['the type in lower case', '{"alg":"EdDSA","typ":"jwt"}'],
    ['the type as a media type', '{"alg":"EdDSA","typ":"application/JWT"}'],
  ])('is refused as wrong_typ: %s', async (_, header) => {
    expect(await verify(signed(header))).toMatchObject({ ok: false, reason: 'wrong_typ' })
  })

  it('is refused without a type where one is needed', async () => {
    expect(await verify(signed(plain), { typ: ['JWT'] })).toMatchObject({
      ok: false,
      reason: 'wrong_typ',
    })
  })

  it.each<[string, string | Buffer]>([
    ['a member twice', '{"iss":"agt_1","iss":"agt_1"}'],
    ['a member twice, once escaped', '{"iss":"agt_1","\\u0069ss":"agt_1"}'],
    ['a member twice further in', '{"a":[{"b":1,"b":1}]}'],
    ['a list', '[]'],
    ['a text', '"text"'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['broken UTF-8', Buffer.from('7b2261223a22ff227d', 'hex')],
    ['a comment', '{}//'],
    ['deep nesting', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`],
  ])('is refused when its payload holds %s', async (_, payload) => {
    expect(await verify(signed(plain, payload))).toMatchObject({
      ok: false,
      reason: 'payload_malformed',
    })
  })
})

describe('a foreign JWS', () => {
  const token = signed(plain)
  const [header, payload, signature] = token.split('.') as [string, string, string]

  it.each<[string, string, string]>([
    ['too_long', 'without end', `${header}.${'A'.repeat(9000)}.${signature}`],
    ['not_three_segments', 'empty', ''],
    ['not_three_segments', 'no signature', `${header}.${payload}`],
    ['not_three_segments', 'a segment more', `${token}.`],
    ['not_three_segments', 'five segments', `${token}.${header}.${payload}`],
    [
      'not_three_segments',
      'the JSON form',
      JSON.stringify({ protected: header, payload, signature }),
    ],
    ['not_base64url', 'padding', `${token}==`],
    ['not_base64url', 'a leading space', ` ${token}`],
    ['not_base64url', 'a newline at the end', `${token}\n`],
    [
      'not_base64url',
      'a newline inside',
      `${header}.${payload.slice(0, 4)}\n${payload.slice(4)}.${signature}`,
    ],
    ['not_base64url', 'the other alphabet', `${header}.${payload}.${'+/'.repeat(43)}`],
    ['not_base64url', 'wide characters', `${header}.${payload}.${signature}é`],
    ['not_base64url', 'stray bits', `${header}.e31.${signature}`],
    ['not_base64url', 'a lone character', `${header}.A.${signature}`],
    ['header_not_json', 'an empty header', `.${payload}.${signature}`],
    ['header_not_utf8', 'broken UTF-8', signed(Buffer.from('7b2261223a22ff227d', 'hex'))],
    ['header_not_an_object', 'a list', signed('["EdDSA"]')],
    ['header_duplicate_member', 'alg twice', signed('{"alg":"none","alg":"EdDSA"}')],
    [
      'header_duplicate_member',
      'alg twice, escaped',
      signed('{"alg":"EdDSA","\\u0061lg":"EdDSA"}'),
    ],
    ['header_member_not_allowed', 'crit', signed('{"alg":"EdDSA","crit":["exp"]}')],
    ['header_member_not_allowed', 'b64', signed('{"alg":"EdDSA","b64":false,"crit":["b64"]}')],
    ['header_member_not_allowed', 'jwk', signed('{"alg":"EdDSA","jwk":{}}')],
    ['header_member_not_allowed', 'jku', signed('{"alg":"EdDSA","jku":"https://e.example"}')],
    ['header_member_not_allowed', 'x5u', signed('{"alg":"EdDSA","x5u":"https://e.example"}')],
    ['header_member_not_allowed', 'x5c', signed('{"alg":"EdDSA","x5c":["AA"]}')],
    ['header_member_not_allowed', 'zip', signed('{"alg":"EdDSA","zip":"DEF"}')],
    ['header_member_not_allowed', 'a prototype', signed('{"alg":"EdDSA","__proto__":{}}')],
    ['header_member_malformed', 'no alg', signed('{}')],
    ['header_member_malformed', 'alg as a list', signed('{"alg":["EdDSA"]}')],
    ['header_member_malformed', 'typ null', signed('{"alg":"EdDSA","typ":null}')],
    ['header_member_malformed', 'an empty kid', signed('{"alg":"EdDSA","kid":""}')],
    ['header_member_malformed', 'a number as kid', signed('{"alg":"EdDSA","kid":1}')],
    ['alg_does_not_fit', 'alg none', `${base64url('{"alg":"none"}')}.${payload}.`],
    ['alg_does_not_fit', 'alg none, signed', signed('{"alg":"none"}')],
    ['alg_does_not_fit', 'another spelling', signed('{"alg":"eddsa"}')],
    ['alg_does_not_fit', 'a symmetric alg', signed('{"alg":"HS256"}')],
    ['alg_does_not_fit', 'alg of another key', signed('{"alg":"ES256"}')],
    ['unknown_kid', 'a kid not known', signed('{"alg":"EdDSA","kid":"x"}')],
    ['wrong_signature', 'no signature', `${header}.${payload}.`],
    ['wrong_signature', 'another payload', `${header}.${base64url('{}')}.${signature}`],
    ['wrong_signature', 'a signature cut short', token.slice(0, -2)],
    ['wrong_signature', 'a signature of zeros', `${header}.${payload}.${'A'.repeat(86)}`],
  ])('is refused as %s: %s', async (reason, _, hostile) => {
    expect(await verifyForeignJws(hostile, [key])).toEqual({ ok: false, reason })
  })

  it('is refused after any change of a single character', async () => {
    const position = fc.nat({ max: token.length - 1 })
    await fc.assert(
      fc.asyncProperty(position, fc.string({ minLength: 1, maxLength: 1 }), async (at, put) => {
        fc.pre(token.charAt(at) !== put)
        const changed = token.slice(0, at) + put + token.slice(at + 1)
        return !(await verifyForeignJws(changed, [key])).ok
      }),
      { numRuns: 300 },
    )
  })

  it('by an RSA key is held to the padding pinned with that key', async () => {
    const pinned = publicKey('RS256')
    const pss = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'PS256' })
      .sign(pairs.RS256.privateKey)
    expect(await verifyForeignJws(pss, [pinned])).toEqual({ ok: false, reason: 'alg_does_not_fit' })
  })
})

describe('choosing among the keys of one owner', () => {
  const other = publicKey('other', { kid: 'newer' })
  const named = publicKey('EdDSA', { kid: 'older' })
  const withKid = (kid: string) => signed(JSON.stringify({ alg: 'EdDSA', kid }))

  it.each<[string, string, readonly PublicKey[]]>([
    ['its kid', withKid('older'), [other, named]],
    ['its thumbprint', withKid(named.thumbprint), [other, named]],
    ['trying, where the token names none', signed(plain), [other, named]],
    ['trying only those that fit', signed(plain), [publicKey('ES256'), named]],
  ])('finds it by %s', async (_, token, keys) => {
    const result = await verifyForeignJws(token, keys)
    expect(result.ok && result.key).toBe(named)
  })

  it.each<[string, string, string, readonly PublicKey[]]>([
    ['no_key', 'there is none', signed(plain), []],
    ['unknown_kid', 'the kid is of nobody', withKid('oldest'), [other, named]],
    ['wrong_signature', 'the kid is of another', withKid('newer'), [other, named]],
    [
      'ambiguous_kid',
      'two have that kid',
      withKid('older'),
      [named, publicKey('other', { kid: 'older' })],
    ],
    ['wrong_signature', 'none of them signed', signed(plain), [other, publicKey('other')]],
  ])('is refused as %s when %s', async (reason, _, token, keys) => {
    expect(await verifyForeignJws(token, keys)).toEqual({ ok: false, reason })
  })
})
