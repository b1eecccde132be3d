import { generateKeyPairSync } from 'node:crypto'

import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'

import { checkPublicJwk } from '../../src/crypto/public-key.ts'

const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  secp256k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  x25519: generateKeyPairSync('x25519'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  rsa1024: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  rsa3: generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }),
}
const publicOf = (name: keyof typeof pairs) => pairs[name].publicKey.export({ format: 'jwk' })
const privateOf = (name: keyof typeof pairs) => pairs[name].privateKey.export({ format: 'jwk' })

const ed = publicOf('ed25519')
const ec = publicOf('p256')
const rsa = publicOf('rsa')
const n = Buffer.from(rsa.n ?? '', 'base64url')

const base64url = (bytes: Buffer | Uint8Array) => Buffer.from(bytes).toString('base64url')
const point = (hex: string) => ({ ...ed, x: Buffer.from(hex, 'hex').toString('base64url') })
const modulus = (bytes: Buffer) => ({ ...rsa, n: base64url(bytes) })
const withBits = (bits: number) => {
  const bytes = Buffer.alloc(Math.ceil(bits / 8), 0x55)
  bytes[0] = 1 << ((bits - 1) % 8)
  return modulus(bytes)
}
const flipped = (text = '') => {
  const bytes = Buffer.from(text, 'base64url')
  bytes[5] = (bytes[5] ?? 0) ^ 1
  return base64url(bytes)
}
const swapped = (text = '') => (text.endsWith('A') ? `${text.slice(0, -1)}B` : `${text}B`)

describe('a sound public key', () => {
  it.each<[string, object, string]>([
    ['Ed25519', ed, 'EdDSA'],
    ['Ed25519 with alg', { ...ed, alg: 'EdDSA' }, 'EdDSA'],
    ['Ed25519 with its newer name', { ...ed, alg: 'Ed25519' }, 'EdDSA'],
    ['P-256', ec, 'ES256'],
    ['P-384', publicOf('p384'), 'ES384'],
    ['RSA', rsa, 'RS256'],
    ['RSA for PSS', { ...rsa, alg: 'PS256' }, 'PS256'],
    ['for signatures', { ...ed, use: 'sig' }, 'EdDSA'],
    ['for verifying', { ...ed, key_ops: ['verify'], ext: true }, 'EdDSA'],
    ['with members nobody knows', { ...ed, x5u: 'https://example.com', later: 1 }, 'EdDSA'],
  ])('is taken, with one algorithm pinned: %s', async (_, jwk, alg) => {
    const result = checkPublicJwk(jwk)
    expect(result).toMatchObject({
      ok: true,
      key: { alg, thumbprint: await calculateJwkThumbprint({ ...jwk }) },
    })
  })

  it('keeps only the members that make it', () => {
    const { kty, crv, x } = ed
    const result = checkPublicJwk({ ...ed, kid: 'mine', use: 'sig', x5c: ['AA'], later: 1 })
    expect(result).toMatchObject({
      ok: true,
      key: { jwk: { kty, crv, x, alg: 'EdDSA' }, kid: 'mine' },
    })
    expect(result.ok && Object.keys(result.key.jwk)).toEqual(['kty', 'crv', 'x', 'alg'])
  })

  it.each([ed, ec, rsa, { ...rsa, alg: 'PS256' }])('checked again is the same key', (jwk) => {
    const once = checkPublicJwk(jwk)
    expect(once.ok).toBe(true)
    const again = once.ok && checkPublicJwk(once.key.jwk)
    expect(again).toEqual(once)
  })
})

describe('a key', () => {
  it.each<[string, string, unknown]>([
    ['not_an_object', 'nothing', undefined],
    ['not_an_object', 'null', null],
    ['not_an_object', 'a JSON text', JSON.stringify(ed)],
    ['not_an_object', 'a list', [ed]],
    ['unsupported_key_type', 'no members', {}],
    ['unsupported_key_type', 'members on a prototype', Object.create(ed)],
    ['unsupported_key_type', 'another spelling', { ...ed, kty: 'okp' }],
    ['unsupported_key_type', 'a key set', { keys: [ed] }],
    ['symmetric_key', 'a shared secret', { kty: 'oct', k: 'AAAA' }],
    ['private_members', 'a private Ed25519 key', privateOf('ed25519')],
    ['private_members', 'a private P-256 key', privateOf('p256')],
    ['private_members', 'a private RSA key', privateOf('rsa')],
    ['private_members', 'a prime alone', { ...rsa, p: 'AQAB' }],
    ['private_members', 'an empty private member', { ...ed, d: undefined }],
    ['private_members', 'a shared secret beside it', { ...ed, k: 'AAAA' }],
    ['unsupported_curve', 'X25519', publicOf('x25519')],
    ['unsupported_curve', 'P-521', publicOf('p521')],
    ['unsupported_curve', 'secp256k1', publicOf('secp256k1')],
    ['unsupported_curve', 'Ed25519 as EC', { ...ec, crv: 'Ed25519' }],
    ['unsupported_curve', 'P-256 as OKP', { ...ec, kty: 'OKP' }],
    ['unsupported_curve', 'no curve', { ...ed, crv: undefined }],
    ['use_does_not_fit', 'encryption', { ...ed, use: 'enc' }],
    ['use_does_not_fit', 'a null use', { ...ed, use: null }],
    ['key_ops_do_not_fit', 'signing', { ...ed, key_ops: ['sign'] }],
    ['key_ops_do_not_fit', 'signing too', { ...ed, key_ops: ['sign', 'verify'] }],
    ['key_ops_do_not_fit', 'an operation twice', { ...ed, key_ops: ['verify', 'verify'] }],
    ['key_ops_do_not_fit', 'no operation', { ...ed, key_ops: [] }],
    ['key_ops_do_not_fit', 'a text', { ...ed, key_ops: 'verify' }],
    ['alg_does_not_fit', 'alg none', { ...ed, alg: 'none' }],
    ['alg_does_not_fit', 'alg of another type', { ...ed, alg: 'ES256' }],
    ['alg_does_not_fit', 'alg of another curve', { ...ec, alg: 'ES384' }],
    ['alg_does_not_fit', 'a symmetric alg', { ...rsa, alg: 'HS256' }],
    ['alg_does_not_fit', 'an alg for encryption', { ...rsa, alg: 'RSA-OAEP' }],
    ['alg_does_not_fit', 'a null alg', { ...ed, alg: null }],
    ['alg_does_not_fit', 'Ed25519 for P-256', { ...ec, alg: 'Ed25519' }],
    ['malformed_kid', 'a kid with spaces', { ...ed, kid: 'a b' }],
    ['malformed_kid', 'an empty kid', { ...ed, kid: '' }],
    ['malformed_kid', 'a kid without end', { ...ed, kid: 'k'.repeat(129) }],
    ['malformed_kid', 'a kid that is a number', { ...ed, kid: 1 }],
    ['malformed_member', 'no x', { ...ed, x: undefined }],
    ['malformed_member', 'a number for x', { ...ed, x: 5 }],
    ['malformed_member', 'x padded', { ...ed, x: `${ed.x}=` }],
    ['malformed_member', 'x with stray bits', { ...ed, x: swapped(base64url(Buffer.alloc(32))) }],
    ['malformed_member', 'x too short', { ...ed, x: base64url(Buffer.alloc(31, 1)) }],
    ['malformed_member', 'x too long', { ...ec, x: base64url(Buffer.alloc(33, 1)) }],
    ['malformed_member', 'no y', { ...ec, y: undefined }],
    ['malformed_member', 'n without end', { ...rsa, n: 'A'.repeat(100_000) }],
    ['malformed_member', 'n with a leading zero', modulus(Buffer.concat([Buffer.alloc(1), n]))],
    ['not_on_curve', 'a P-256 point off its curve', { ...ec, x: flipped(ec.x) }],
    ['not_on_curve', 'the point at zero', { ...ec, x: 'A'.repeat(43), y: 'A'.repeat(43) }],
    ['not_on_curve', 'coordinates above the prime', { ...ec, x: base64url(Buffer.alloc(32, 255)) }],
    ['not_on_curve', 'an Ed25519 point off its curve', point(`02${'00'.repeat(31)}`)],
    ['not_on_curve', 'a y not reduced', point(`ee${'ff'.repeat(30)}7f`)],
    ['not_on_curve', 'a y not reduced, with sign', point('ff'.repeat(32))],
    ['small_order_point', 'order 1', point(`01${'00'.repeat(31)}`)],
    ['small_order_point', 'order 1, with sign', point(`01${'00'.repeat(30)}80`)],
    ['small_order_point', 'order 2', point(`ec${'ff'.repeat(30)}7f`)],
    ['small_order_point', 'order 4', point('00'.repeat(32))],
    ['small_order_point', 'order 4, with sign', point(`${'00'.repeat(31)}80`)],
    [
      'small_order_point',
      'order 8',
      point('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    ],
    [
      'small_order_point',
      'order 8, with sign',
      point('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'),
    ],
    [
      'small_order_point',
      'order 8 again',
      point('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
    ],
    [
      'small_order_point',
      'order 8 again, with sign',
      point('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'),
    ],
    ['rsa_exponent', 'exponent 3', publicOf('rsa3')],
    ['rsa_exponent', 'exponent 1', { ...rsa, e: 'AQ' }],
    ['rsa_exponent', 'an even exponent', { ...rsa, e: 'AQAA' }],
    ['rsa_exponent', 'exponent 65537 with a leading zero', { ...rsa, e: 'AAEAAQ' }],
    ['rsa_exponent', 'no exponent', { ...rsa, e: undefined }],
    ['rsa_too_small', '1024 bits', publicOf('rsa1024')],
    ['rsa_too_small', '2047 bits', withBits(2047)],
    ['rsa_too_large', '8193 bits', withBits(8193)],
    [
      'rsa_small_factor',
      'an even modulus',
      modulus(Buffer.concat([n.subarray(0, -1), Buffer.from([2])])),
    ],
    ['rsa_small_factor', 'a multiple of 3', modulus(Buffer.alloc(256, 0xff))],
  ])('is refused as %s: %s', (reason, _, jwk) => {
    expect(checkPublicJwk(jwk)).toEqual({ ok: false, reason })
  })
})
