import { createHmac, hkdfSync } from 'node:crypto'
import { inspect } from 'node:util'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  deriveKeys,
  encodeParts,
  keyedHash,
  mac,
  sameBytes,
  sha256,
} from '../../src/crypto/keyed-hash.ts'

const dataKey = Buffer.alloc(32, 1)
const keys = deriveKeys(dataKey)

describe('subkeys', () => {
  it('are the HKDF outputs for their purposes', () => {
    const expected = (purpose: string) =>
      Buffer.from(hkdfSync('sha256', dataKey, '', `remit/v1/${purpose}`, 32)).toString('hex')
    const derived = Object.entries(keys).map(([purpose, key]) => [
      purpose,
      key.export().toString('hex'),
    ])
    expect(derived).toEqual(
      ['rows', 'secrets', 'seal', 'memory', 'audit', 'arguments', 'nonces'].map((p) => [
        p,
        expected(p),
      ]),
    )
  })

  it('differ from each other and from those of another data key', () => {
    const all = [keys, deriveKeys(Buffer.alloc(32, 2))]
      .flatMap((each) => Object.values(each))
      .map((key) => key.export().toString('hex'))
    expect(new Set(all).size).toBe(14)
  })

  it.each([0, 16, 31, 33, 64])('are not derived from a data key of %i bytes', (length) => {
    expect(() => deriveKeys(Buffer.alloc(length))).toThrow('The data key must have 32 bytes.')
  })

  it('do not print themselves', () => {
    expect(inspect(keys, { showHidden: true, depth: 9 })).not.toMatch(/[0-9a-f]{2} [0-9a-f]{2}/)
  })
})

describe('a keyed hash', () => {
  it('is HMAC-SHA-256, of a text as of its UTF-8 bytes', () => {
    const expected = createHmac('sha256', keys.secrets.export()).update('Zoë').digest()
    expect(keyedHash(keys.secrets, 'Zoë')).toEqual(expected)
    expect(keyedHash(keys.secrets, Buffer.from('Zoë'))).toEqual(expected)
  })

  it('means nothing under another subkey', () => {
    expect(keyedHash(keys.memory, 'x')).not.toEqual(keyedHash(keys.secrets, 'x'))
  })
})

describe('a MAC', () => {
  const anyPart = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.constant(null),
  )
  const anyParts = fc.array(anyPart, { maxLength: 5 })
  const byValue = (parts: readonly (string | number | bigint | null)[]) =>
    parts.map((part) => (typeof part === 'number' ? BigInt(part) : part))

  it.each<[string, (string | number | bigint | null)[], (string | number | bigint | null)[]]>([
    ['where one field ends', ['ab', 'c'], ['a', 'bc']],
    ['empty fields', ['', ''], ['']],
    ['no fields', [], ['']],
    ['null and its name', [null], ['null']],
    ['null and empty', [null], ['']],
    ['a number and its digits', [1], ['1']],
    ['commas inside and between', ['a,b'], ['a', 'b']],
    ['quotes', ['a","b'], ['a', 'b']],
    ['different lone surrogates', ['\ud800'], ['\ud801']],
    ['composed and decomposed letters', ['\u00e9'], ['e\u0301']],
    ['order', ['a', 'b'], ['b', 'a']],
    ['nothing and trailing null', ['a'], ['a', null]],
  ])('tells apart %s', (_, a, b) => {
    expect(mac(keys.rows, a)).not.toBe(mac(keys.rows, b))
  })

  it('is the same for an integer read as number or as bigint', () => {
    expect(mac(keys.rows, [0, -1, 2 ** 53 - 1])).toBe(mac(keys.rows, [-0, -1n, 9007199254740991n]))
  })

  it('is of 43 characters and depends on the key', () => {
    expect(mac(keys.rows, ['a'])).toMatch(/^[\w-]{43}$/)
    expect(mac(keys.rows, ['a'])).not.toBe(mac(keys.audit, ['a']))
  })

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('is not made over %s', (part) => {
    expect(() => mac(keys.rows, [part])).toThrow('Only integers can be put under a MAC.')
  })

  it('is unambiguous: equal encodings come from equal lists only', () => {
    const equal = (a: unknown[], b: unknown[]) =>
      a.length === b.length && a.every((part, i) => part === b[i])
    fc.assert(
      fc.property(anyParts, anyParts, (a, b) => {
        const same = encodeParts(a) === encodeParts(b)
        return same === equal(byValue(a), byValue(b))
      }),
    )
  })
})

describe('comparing', () => {
  it.each<[string | Buffer, string | Buffer, boolean]>([
    ['', '', true],
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'abcd', false],
    ['', 'a', false],
    ['é', Buffer.from('é'), true],
    [Buffer.from([0]), Buffer.from([0, 0]), false],
    [Buffer.alloc(32, 1), Buffer.alloc(32, 1), true],
  ])('%j and %j answers %j', (a, b, same) => {
    expect(sameBytes(a, b)).toBe(same)
  })

  it('agrees with equality for all bytes', () => {
    const anyBuffer = fc.uint8Array({ maxLength: 3, max: 2 }).map((bytes) => Buffer.from(bytes))
    fc.assert(fc.property(anyBuffer, anyBuffer, (a, b) => sameBytes(a, b) === a.equals(b)))
  })
})

it('sha256 gives the digest of FIPS 180-2’s example in base64url', () => {
  expect(sha256('abc')).toBe(
    Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
      'base64url',
    ),
  )
})
