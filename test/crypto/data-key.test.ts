// The data key opens with the master key it was sealed under, for its own store, and with nothing else.
import { expect, test } from 'vitest'
import { newDataKey, openDataKey, sealDataKey } from '../../src/crypto/data-key.ts'

const master = Buffer.alloc(32, 1)
const dataKey = newDataKey()
const sealed = sealDataKey(master, dataKey, 'store')

test('a data key is random, and opens again', () => {
  expect(dataKey).toHaveLength(32)
  expect(newDataKey()).not.toEqual(dataKey)
  expect(openDataKey(master, sealed, 'store')).toEqual(dataKey)
})

test('no two sealings are alike', () => {
  expect(sealDataKey(master, dataKey, 'store')).not.toBe(sealed)
})

test.each([
  ['another master key', Buffer.alloc(32, 2), sealed, 'store'],
  ['another store', master, sealed, 'other'],
  ['a changed sealing', master, `${sealed.slice(0, -2)}AA`, 'store'],
  ['a sealing that was cut', master, sealed.slice(0, -4), 'store'],
  ['nothing', master, '', 'store'],
])('it does not open with %s', (_name, key, text, storeId) => {
  expect(openDataKey(key, text, storeId)).toBeUndefined()
})

test.each([0, 16, 31, 33])('a master key of %i bytes seals and opens nothing', (length) => {
  const short = Buffer.alloc(length)
  expect(() => sealDataKey(short, dataKey, 'store')).toThrow('32 bytes')
  expect(() => openDataKey(short, sealed, 'store')).toThrow('32 bytes')
})
