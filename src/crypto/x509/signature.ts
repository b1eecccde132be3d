// The signatures that certificates and lists may bear: none by SHA-1 or MD5, none whose parameters would
// have to be believed.

import type { AlgorithmIdentifier } from '@peculiar/asn1-x509'

/** By OID, the hash that Node's `sign` and `verify` take; Ed25519 takes none. */
const hashes: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
}

export const isSoundSignature = ({ algorithm }: AlgorithmIdentifier): boolean =>
  Object.hasOwn(hashes, algorithm)

/** `null` for Ed25519. */
export function hashOf({ algorithm }: AlgorithmIdentifier): string | null {
  const hash = hashes[algorithm]
  if (hash === undefined) throw new TypeError('That signature algorithm is not taken.')
  return hash
}
