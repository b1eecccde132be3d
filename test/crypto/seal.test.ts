import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { deriveKeys } from '../../src/crypto/keyed-hash.ts'
import { seal, unseal } from '../../src/crypto/seal.ts'

const keys = deriveKeys(Buffer.alloc(32, 1))
const plaintext = Buffer.from('the private half')
const sealed = seal(keys.seal, plaintext, 'key_1')

describe('sealing', () => {
  it('opens under the same key for the same record', () => {
    expect(unseal(keys.seal, sealed, 'key_1')).toEqual({ ok: true, plaintext })
  })

  it('never seals the same way twice', () => {
    expect(seal(keys.seal, plaintext, 'key_1')).not.toBe(sealed)
  })

  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, record) => {
        const given = Buffer.from(bytes)
        const opened = unseal(keys.seal, seal(keys.seal, given, record), record)
        return opened.ok && opened.plaintext.equals(given)
      }),
    )
  })

  const bytes = Buffer.from(sealed.slice(3), 'base64url')
  const spelled = (changed: Buffer) => `v1.${changed.toString('base64url')}`
  it.each<[string, string, string]>([
    ['another record', sealed, 'key_2'],
    ['no record', sealed, ''],
    ['nothing', '', 'key_1'],
    ['the version alone', 'v1.', 'key_1'],
    ['another version', sealed.replace('v1.', 'v2.'), 'key_1'],
    ['no version', sealed.slice(3), 'key_1'],
    ['padding', `${sealed}=`, 'key_1'],
    ['whitespace', `${sealed} `, 'key_1'],
    ['less than nonce and tag', spelled(bytes.subarray(0, 27)), 'key_1'],
    ['a tag cut short', spelled(bytes.subarray(0, -1)), 'key_1'],
    ['a byte more', spelled(Buffer.concat([bytes, Buffer.alloc(1)])), 'key_1'],
    [
      'no ciphertext',
      spelled(Buffer.concat([bytes.subarray(0, 12), bytes.subarray(-16)])),
      'key_1',
    ],
  ])('does not open with %s', (_, hostile, record) => {
    expect(unseal(keys.seal, hostile, record)).toEqual({ ok: false })
  })

  it('does not open under another key', () => {
    expect(unseal(keys.memory, sealed, 'key_1')).toEqual({ ok: false })
  })

  it('does not open after any change of a single character', () => {
    const position = fc.nat({ max: sealed.length - 1 })
    fc.assert(
      fc.property(position, fc.string({ minLength: 1, maxLength: 1 }), (at, put) => {
        fc.pre(sealed.charAt(at) !== put)
        return !unseal(keys.seal, sealed.slice(0, at) + put + sealed.slice(at + 1), 'key_1').ok
      }),
    )
  })
})
