// The public JWK set (RFC 7517 §5) by which others verify our tokens. It is built member by member, so
// that nothing but public members can ever be in it.

import type { SigningPublicJwk, Verifier } from './signing-key.ts'

export type PublishedJwk = SigningPublicJwk & {
  readonly kid: string
  readonly alg: Verifier['alg']
  readonly use: 'sig'
}

/** The keys in the order given; which of them are still good is the key ring's to say. */
export const publicJwks = (
  verifiers: Iterable<Verifier>,
): { readonly keys: readonly PublishedJwk[] } => ({ keys: Array.from(verifiers, publish) })

function publish({ kid, alg, publicJwk }: Verifier): PublishedJwk {
  if (publicJwk.kty === 'OKP') {
    const { kty, crv, x } = publicJwk
    return { kty, crv, x, kid, alg, use: 'sig' }
  }
  const { kty, crv, x, y } = publicJwk
  return { kty, crv, x, y, kid, alg, use: 'sig' }
}
