// Key pairs as agents have them: made anew, or one of each kind for tables.

import { generateKeyPairSync } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'

export interface Pair {
  readonly publicJwk: JsonWebKey
  readonly publicPem: string
  readonly privateKey: KeyObject
  readonly privateJwk: JsonWebKey
}

type Kind = 'ed25519' | 'x25519' | 'p256' | 'p384' | 'p521' | 'secp256k1' | 'rsa' | 'rsa1024'

export function pair(kind: Kind = 'ed25519'): Pair {
  const { publicKey, privateKey } = generate(kind)
  return {
    publicJwk: publicKey.export({ format: 'jwk' }),
    publicPem: String(publicKey.export({ format: 'pem', type: 'spki' })),
    privateKey,
    privateJwk: privateKey.export({ format: 'jwk' }),
  }
}

function generate(kind: Kind) {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'x25519') return generateKeyPairSync('x25519')
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (kind === 'rsa1024') return generateKeyPairSync('rsa', { modulusLength: 1024 })
  const curves = { p256: 'P-256', p384: 'P-384', p521: 'P-521', secp256k1: 'secp256k1' }
  return generateKeyPairSync('ec', { namedCurve: curves[kind] })
}
