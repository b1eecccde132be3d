// A new signing key as it is kept.

import type { IdPrefix } from '../core/id.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import { seal } from '../crypto/seal.ts'
import { generateSigningKey } from '../crypto/signing-key.ts'
import type { SigningAlgorithm } from '../crypto/signing-key.ts'
import type { SigningKeyRecord } from '../store/signing-keys.ts'
import { sealRecord } from './key-ring.ts'
import type { KeyPurpose } from './key-ring.ts'

interface Making {
  readonly keys: Subkeys
  readonly newId: (prefix: IdPrefix) => string
  readonly now: number
}

/** Public part in the open, private part sealed for this record and purpose alone. */
export function newSigningKey(
  { keys, newId, now }: Making,
  purpose: KeyPurpose,
  alg?: SigningAlgorithm,
): SigningKeyRecord {
  const id = newId('key')
  const { alg: made, publicJwk, privatePkcs8 } = generateSigningKey(alg)
  return {
    id,
    purpose,
    alg: made,
    publicJwk: JSON.stringify(publicJwk),
    sealedPrivate: seal(keys.seal, privatePkcs8, sealRecord(id, purpose)),
    status: 'active',
    createdAt: now,
  }
}
