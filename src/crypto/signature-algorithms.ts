// The algorithms of RFC 9421 §3.3 that are taken, each by the kind of key that it needs: the key decides, and
// what a request says of it must agree.

import { constants, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { keyedHash, sameBytes } from './keyed-hash.ts'

export type SignatureAlgorithm =
  | 'hmac-sha256'
  | 'ed25519'
  | 'ecdsa-p256-sha256'
  | 'ecdsa-p384-sha384'
  | 'rsa-pss-sha512'

const ofCurve: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: 'ecdsa-p256-sha256',
  secp384r1: 'ecdsa-p384-sha384',
}

/** The one algorithm for a key, private, public or secret. */
export function algorithmFor(key: KeyObject): SignatureAlgorithm | undefined {
  if (key.type === 'secret') return 'hmac-sha256'
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519'
  if (key.asymmetricKeyType === 'ec') return ofCurve[key.asymmetricKeyDetails?.namedCurve ?? '']
  const isRsa = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss'
  return isRsa ? 'rsa-pss-sha512' : undefined
}

/** Signs by the key's own algorithm. */
export function signBase(key: KeyObject, base: Buffer): Buffer {
  switch (algorithmFor(key)) {
    case 'hmac-sha256':
      return keyedHash(key, base)
    case 'ed25519':
      return sign(null, base, key)
    case 'ecdsa-p256-sha256':
      return sign('sha256', base, { key, ...ieee })
    case 'ecdsa-p384-sha384':
      return sign('sha384', base, { key, ...ieee })
    case 'rsa-pss-sha512':
      return sign('sha512', base, { key, ...pss })
    default:
      throw new TypeError('This key cannot sign requests.')
  }
}

/** Whether the key made the signature, by its own algorithm. */
export function isSignatureBy(key: KeyObject, base: Buffer, signature: Buffer): boolean {
  switch (algorithmFor(key)) {
    case 'hmac-sha256':
      return sameBytes(keyedHash(key, base), signature)
    case 'ed25519':
      return verify(null, base, key, signature)
    case 'ecdsa-p256-sha256':
      return verify('sha256', base, { key, ...ieee }, signature)
    case 'ecdsa-p384-sha384':
      return verify('sha384', base, { key, ...ieee }, signature)
    case 'rsa-pss-sha512':
      return verify('sha512', base, { key, ...pss }, signature)
    default:
      return false
  }
}

const ieee = { dsaEncoding: 'ieee-p1363' } as const
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 } as const
