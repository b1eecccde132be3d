import { generateKeyPairSync } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { flawOfModulus } from '../../src/crypto/rsa-modulus.ts'

const primesTo167 = Array.from({ length: 166 }, (_, i) => i + 2).filter((n) =>
  Array.from({ length: n - 2 }, (_, i) => i + 2).every((divisor) => n % divisor !== 0),
)
const primorial = primesTo167.reduce((product, prime) => product * BigInt(prime), 1n)
const bytesOf = (value: bigint) => {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}
/** A number of so many bits that is a power of 65537 modulo the small primes, as ROCA moduli are. */
const rocaLike = (exponent: number, bits: number) => {
  const above = (2n ** BigInt(bits - 1) / primorial + 1n) * primorial
  return bytesOf(above + (65537n ** BigInt(exponent) % primorial))
}

describe('an RSA modulus', () => {
  it.each([1, 2, 41, 1000])('with the ROCA fingerprint 65537^%i is refused', (exponent) => {
    expect(flawOfModulus(rocaLike(exponent, 2048))).toBe('rsa_roca')
  })

  it('one residue away from that fingerprint is not accused', () => {
    const almost = BigInt(`0x${rocaLike(41, 2048).toString('hex')}`) + primorial / 11n
    expect(flawOfModulus(bytesOf(almost))).not.toBe('rsa_roca')
  })

  it.each<[string, bigint]>([
    ['2 alone', 2n ** 2047n],
    ['167', 167n * 2n ** 2047n + 167n],
  ])('that is divisible by %s is refused', (_, n) => {
    expect(flawOfModulus(bytesOf(n))).toBe('rsa_small_factor')
  })

  it.each([2048, 3072])('of %i bits from the system is sound', (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength })
    const { n } = publicKey.export({ format: 'jwk' })
    expect(flawOfModulus(Buffer.from(n ?? '', 'base64url'))).toBeUndefined()
  })

  it.each([
    [2047, 'rsa_too_small'],
    [2048, 'rsa_roca'],
    [8192, 'rsa_roca'],
    [8193, 'rsa_too_large'],
  ])('of %i bits is found %s', (bits, flaw) => {
    expect(flawOfModulus(rocaLike(5, bits))).toBe(flaw)
  })
})
