// The key that a grant is to be bound to: whoever holds its private part, and nobody else, uses the tokens.

import { Refusal } from '../core/refusal.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'

/** The thumbprint of a sound public key (RFC 7638); a private one has no business here. */
export function keyToBind(untrusted: unknown): string {
  const checked = checkPublicJwk(untrusted)
  if (checked.ok) return checked.key.thumbprint
  const isPrivate = checked.reason === 'private_members' || checked.reason === 'symmetric_key'
  throw new Refusal('invalid_request', {
    message: 'bind_jwk is not a public key that tokens can be bound to.',
    failures: [{ code: 'invalid_request', dimension: 'bind_jwk', asked: checked.reason }],
    remedy: { text: 'Give the public JWK of an Ed25519, P-256, P-384 or RSA key for signatures.' },
    ...(isPrivate && { finding: 'secret_in_argument' }),
  })
}
