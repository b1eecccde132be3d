import { sign } from 'node:crypto'

import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'

import { publicJwks } from '../../src/crypto/jwks.ts'
import { hasLowS } from '../../src/crypto/low-s.ts'
import { maxOwnJwtLength, signOwnJwt, verifyOwnJwt } from '../../src/crypto/own-jwt.ts'
import {
  generateSigningKey,
  loadSigner,
  loadVerifier,
  verifiersByHeader,
} from '../../src/crypto/signing-key.ts'
import type { SigningAlgorithm, TokenType } from '../../src/crypto/signing-key.ts'

function keyPair(alg: SigningAlgorithm, kid: string, typ: TokenType = 'at+jwt') {
  const generated = generateSigningKey(alg)
  const signer = loadSigner({ ...generated, kid, typ })
  const verifier = loadVerifier({ ...generated, kid, typ })
  return { generated, signer, verifier }
}

const claims = { iss: 'urn:remit:x', sub: 'agt_1', iat: 100, exp: 400, name: 'Zoë 🔑' }
const base64url = (text: string) => Buffer.from(text).toString('base64url')

/** The last character of this segment, with its unused low bits changed. */
const withStrayBits = (segment: string) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return segment.slice(0, -1) + alphabet.charAt(alphabet.indexOf(segment.slice(-1)) ^ 1)
}

describe.each<SigningAlgorithm>(['EdDSA', 'ES256'])('our own %s tokens', (alg) => {
  const ours = keyPair(alg, 'key_a')
  const other = keyPair(alg, 'key_b')
  const otherAlg = keyPair(alg === 'EdDSA' ? 'ES256' : 'EdDSA', 'key_c')
  const verifiers = verifiersByHeader([ours.verifier, other.verifier, otherAlg.verifier])
  const token = signOwnJwt(ours.signer, claims)
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const asSigned = (signedHeader: string, signedPayload: string) => {
    const input = Buffer.from(`${signedHeader}.${signedPayload}`)
    const { key } = ours.signer
    let bytes: Buffer
    do {
      bytes =
        alg === 'EdDSA'
          ? sign(null, input, key)
          : sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })
    } while (alg === 'ES256' && !hasLowS(bytes))
    return `${signedHeader}.${signedPayload}.${bytes.toString('base64url')}`
  }

  it('verify with their own key', () => {
    expect(verifyOwnJwt(token, verifiers)).toEqual({ ok: true, claims, kid: 'key_a' })
  })

  it('verify in jose through the published key set', async () => {
    const jwks = createLocalJWKSet({
      keys: publicJwks(verifiers.values()).keys.map((k) => ({ ...k })),
    })
    const { payload: read, protectedHeader } = await jwtVerify(token, jwks, {
      typ: 'at+jwt',
      algorithms: [alg],
      currentDate: new Date(200_000),
    })
    expect(read).toEqual(claims)
    expect(protectedHeader).toEqual({ alg, typ: 'at+jwt', kid: 'key_a' })
  })

  it('are refused when jose signed them in its own spelling of the header', async () => {
    const theirs = await new SignJWT(claims)
      .setProtectedHeader({ typ: 'at+jwt', alg, kid: 'key_a' })
      .sign(ours.signer.key)
    expect(verifyOwnJwt(theirs, verifiers)).toEqual({ ok: false, reason: 'unknown_header' })
  })

  it.each<[string, string, string]>([
    ['empty', '', 'not_three_segments'],
    ['one segment', payload, 'not_three_segments'],
    ['two segments', `${header}.${payload}`, 'not_three_segments'],
    ['a dot more at the end', `${token}.`, 'not_three_segments'],
    ['a dot more at the start', `.${token}`, 'not_three_segments'],
    ['a dot more inside', `${header}..${payload}.${signature}`, 'not_three_segments'],
    ['no header', `.${payload}.${signature}`, 'unknown_header'],
    ['header padded', `${header}=.${payload}.${signature}`, 'unknown_header'],
    ['header after a space', ` ${token}`, 'unknown_header'],
    [
      'header of another key',
      `${other.verifier.header}.${payload}.${signature}`,
      'wrong_signature',
    ],
    ['another algorithm', `${otherAlg.verifier.header}.${payload}.${signature}`, 'wrong_signature'],
    [
      'alg none',
      `${base64url('{"alg":"none","typ":"at+jwt","kid":"key_a"}')}.${payload}.`,
      'unknown_header',
    ],
    ['no signature', `${header}.${payload}.`, 'malformed_signature'],
    ['signature padded', `${token}==`, 'malformed_signature'],
    [
      'signature with stray bits',
      `${header}.${payload}.${withStrayBits(signature)}`,
      'malformed_signature',
    ],
    ['signature before a newline', `${token}\n`, 'malformed_signature'],
    ['signature in base64', `${header}.${payload}.${'+/'.repeat(43)}`, 'malformed_signature'],
    ['signature too long', `${token}AAAA`, 'malformed_signature'],
    ['signature too short', token.slice(0, -4), 'malformed_signature'],
    ['signature of zeros', `${header}.${payload}.${'A'.repeat(86)}`, 'wrong_signature'],
    ['payload padded', `${header}.${payload}=.${signature}`, 'wrong_signature'],
    ['payload with a space', `${header}.${payload} .${signature}`, 'wrong_signature'],
    ['payload in wide characters', `${header}.${payload}\u0141.${signature}`, 'wrong_signature'],
    ['no payload', `${header}..${signature}`, 'wrong_signature'],
    ['too long', `${header}.${'A'.repeat(maxOwnJwtLength)}.${signature}`, 'too_long'],
  ])('are refused when re-spelled: %s', (_, hostile, reason) => {
    expect(verifyOwnJwt(hostile, verifiers)).toEqual({ ok: false, reason })
  })

  it.each<[string, string]>([
    ['a member twice', '{"sub":"a","sub":"b"}'],
    ['whitespace', '{ "sub":"a"}'],
    ['an escape that is not needed', '{"sub":"\\u0061"}'],
    ['a number in another form', '{"iat":1e2}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"text"'],
    ['no JSON', '{'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['nesting without end', '['.repeat(15_000)],
  ])('are refused even under our signature when the payload holds %s', (_, text) => {
    expect(verifyOwnJwt(asSigned(header, base64url(text)), verifiers)).toEqual({
      ok: false,
      reason: 'not_our_spelling',
    })
  })

  it.each<[string, string]>([
    ['padding', `${payload}=`],
    ['stray bits', 'e31'],
    ['the other alphabet', base64url('{"a":"???>>>"}').replaceAll('_', '/').replaceAll('-', '+')],
    ['broken UTF-8', Buffer.from('7b2261223a22ff227d', 'hex').toString('base64url')],
  ])('are refused even under our signature when the payload segment has %s', (_, segment) => {
    expect(verifyOwnJwt(asSigned(header, segment), verifiers)).toEqual({
      ok: false,
      reason: 'not_our_spelling',
    })
  })

  it('are refused by a key loaded for another type of token', () => {
    const checkpoint = loadVerifier({
      ...ours.generated,
      kid: 'key_a',
      typ: 'remit-checkpoint+jwt',
    })
    expect(verifyOwnJwt(token, verifiersByHeader([checkpoint]))).toEqual({
      ok: false,
      reason: 'unknown_header',
    })
  })

  it('are refused when no key is known', () => {
    expect(verifyOwnJwt(token, new Map())).toEqual({ ok: false, reason: 'unknown_header' })
  })

  it('are not made too long to be verified', () => {
    expect(() => signOwnJwt(ours.signer, { scope: 'x'.repeat(maxOwnJwtLength) })).toThrow(
      'The scopes are too long for one token.',
    )
  })

  it('have room for 16 ancestors and 128 scopes', () => {
    const id = 'grt_01h455vb4pex5vsknk084sn02q'
    const wide = {
      scope: Array.from({ length: 128 }, (_, i) => `documents/reports/2026/quarter-${i}:read`).join(
        ' ',
      ),
      remit: {
        lineage: Array.from({ length: 16 }, () => id),
        via: Array.from({ length: 17 }, () => ({ agent: id, instance: id, credential: id })),
      },
    }
    expect(verifyOwnJwt(signOwnJwt(ours.signer, wide), verifiers)).toMatchObject({ ok: true })
  })

  it('are refused after any change of a single character', () => {
    const position = fc.nat({ max: token.length - 1 })
    const character = fc.string({ minLength: 1, maxLength: 1, unit: 'binary' })
    fc.assert(
      fc.property(position, character, (at, put) => {
        fc.pre(token.charAt(at) !== put)
        const changed = token.slice(0, at) + put + token.slice(at + 1)
        return !verifyOwnJwt(changed, verifiers).ok
      }),
      { numRuns: 1000 },
    )
  })

  it('are refused after any change of the last character, whose low bits carry nothing', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = [...alphabet].filter(
      (last) => verifyOwnJwt(token.slice(0, -1) + last, verifiers).ok,
    )
    expect(accepted).toEqual([token.slice(-1)])
  })

  it('give back whatever JSON object was signed', () => {
    const anyClaims = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 6 })
    fc.assert(
      fc.property(anyClaims, (given) => {
        const verified = verifyOwnJwt(signOwnJwt(ours.signer, given), verifiers)
        expect(verified).toEqual({
          ok: true,
          claims: JSON.parse(JSON.stringify(given)),
          kid: 'key_a',
        })
      }),
    )
  })
})

describe('signing keys', () => {
  it('do not load under an algorithm they are not for', () => {
    const generated = generateSigningKey('EdDSA')
    const misread = { ...generated, alg: 'ES256', kid: 'key_a', typ: 'at+jwt' } as const
    expect(() => loadSigner(misread)).toThrow('This key is not one for ES256.')
    expect(() => loadVerifier(misread)).toThrow('This key is not one for ES256.')
  })

  it('do not show their private half when exported as a verifier or a key set', () => {
    const { verifier } = keyPair('EdDSA', 'key_a')
    const withPrivate = { ...verifier, publicJwk: { ...verifier.publicJwk, d: 'private' } }
    expect(publicJwks([withPrivate])).toEqual({
      keys: [{ ...verifier.publicJwk, kid: 'key_a', alg: 'EdDSA', use: 'sig' }],
    })
  })

  it('of P-256 are published with both coordinates', () => {
    const { verifier } = keyPair('ES256', 'key_a')
    expect(publicJwks([verifier])).toEqual({
      keys: [{ ...verifier.publicJwk, kid: 'key_a', alg: 'ES256', use: 'sig' }],
    })
  })
})

describe('the twin of an ES256 signature', () => {
  it('verifies in jose, but not as a token of ours', async () => {
    const { signer, verifier } = keyPair('ES256', 'key_a')
    const token = signOwnJwt(signer, claims)
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const at = token.lastIndexOf('.') + 1
    const bytes = Buffer.from(token.slice(at), 'base64url')
    const s = order - BigInt(`0x${bytes.toString('hex', 32)}`)
    bytes.write(s.toString(16).padStart(64, '0'), 32, 'hex')
    const twin = token.slice(0, at) + bytes.toString('base64url')

    const options = { currentDate: new Date(200_000) }
    expect((await jwtVerify(twin, verifier.key, options)).payload).toEqual(claims)
    expect(verifyOwnJwt(twin, verifiersByHeader([verifier]))).toEqual({
      ok: false,
      reason: 'wrong_signature',
    })
  })
})
