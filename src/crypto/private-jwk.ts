// An agent's own key pair, on its side: made, and read from where it is kept. Only the public part ever
// leaves; nothing of this is used on keys of others.

import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { checkEncryptionJwk } from './encryption-key.ts'
import { checkPublicJwk } from './public-key.ts'
import type { KeyAlgorithm, PublicJwk } from './public-key.ts'

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly alg: KeyAlgorithm
  readonly kid: string
  /** As it is registered. */
  readonly publicJwk: PublicJwk & { readonly kid: string }
  readonly thumbprint: string
}

/** A new pair, called by its thumbprint where no name is given. */
export function generateKeyPair(alg: KeyAlgorithm, kid?: string): KeyPair {
  const { privateKey } = generate(alg)
  const pair = readPrivateKey({ ...privateKey.export({ format: 'jwk' }), alg, ...(kid && { kid }) })
  if (pair === undefined) throw new TypeError(`No key can be made for ${alg}.`)
  return pair
}

/** A new pair to seal to (X25519), both parts as JWKs that are called by its thumbprint. */
export function generateEncryptionPair() {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const checked = checkEncryptionJwk(publicKey.export({ format: 'jwk' }))
  if (!checked.ok) throw new TypeError('No key can be made to seal to.')
  const { jwk, thumbprint: kid } = checked.key
  return {
    publicJwk: { ...jwk, kid },
    privateJwk: { ...privateKey.export({ format: 'jwk' }), alg: jwk.alg, kid },
  }
}

/** The pair in a private JWK or PEM; `undefined` where there is none that agents may use. */
export function readPrivateKey(kept: string | object): KeyPair | undefined {
  try {
    const { alg, kid } = (typeof kept === 'string' ? {} : kept) as { alg?: string; kid?: string }
    const privateKey =
      typeof kept === 'string'
        ? createPrivateKey(kept)
        : createPrivateKey({ key: { ...kept }, format: 'jwk' })
    const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
    const checked = checkPublicJwk({ ...jwk, ...(alg && { alg }), ...(kid && { kid }) })
    if (!checked.ok) return undefined
    const { thumbprint } = checked.key
    const name = checked.key.kid ?? thumbprint
    const publicJwk = { ...checked.key.jwk, kid: name }
    return { privateKey, alg: checked.key.alg, kid: name, publicJwk, thumbprint }
  } catch {
    return undefined
  }
}

/** How it is kept: the private JWK with its algorithm and name. */
export const privateJwkOf = ({ privateKey, alg, kid }: KeyPair): Record<string, unknown> => ({
  ...privateKey.export({ format: 'jwk' }),
  alg,
  kid,
})

function generate(alg: KeyAlgorithm): { readonly privateKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519')
  if (alg === 'RS256' || alg === 'PS256') return generateKeyPairSync('rsa', { modulusLength: 3072 })
  return generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' })
}
