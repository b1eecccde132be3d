// The public keys, for anyone: what verifies this server's tokens. The one read that needs no caller.

import type { Context } from '../authority/context.ts'
import { publicJwks } from '../crypto/jwks.ts'

/** The JWK set (RFC 7517 §5) of every key that still verifies. */
export async function publicKeys({ live, ring, now }: Context) {
  await live.refresh()
  return publicJwks(ring.verifiers('access_token', now()).values())
}
