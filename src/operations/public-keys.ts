// What anyone may have: the public keys that verify this server's tokens, and the list of what ended
// before its time, for servers that verify tokens by themselves. Nobody has to be authenticated for these.

import type { Context } from '../authority/context.ts'
import type { KeyPurpose } from '../authority/key-ring.ts'
import { signedDenyList } from '../authority/signed-deny-list.ts'
import { publicJwks } from '../crypto/jwks.ts'

/**
 * The JWK set (RFC 7517 §5) of every key whose tokens still verify. The keys of everything else that is
 * signed stand beside it, under names of their own, so that no verifier takes one for a key of tokens.
 */
export async function publicKeys({ live, ring, now }: Context) {
  await live.refresh()
  const keys = (purpose: KeyPurpose) => publicJwks(ring.verifiers(purpose, now()).values()).keys
  return {
    ...publicJwks(ring.verifiers('access_token', now()).values()),
    deny_list_keys: keys('deny_list'),
    delivery_keys: keys('delivery'),
    authentication_keys: keys('authentication'),
  }
}

/** The signed deny-list, whole or since a version; refuses where this server may not answer. */
export const publicDenyList = (context: Context, since?: number): Promise<string> =>
  signedDenyList(context, since)
