// The credential of this side's environment as it may go to a remote Remit: a key signs, and stays here.

import type { Presented } from '../authority/presented.ts'
import type { Environment } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { privateJwkOf } from '../crypto/private-jwk.ts'
import { signClientAssertion } from '../sign/client-assertion.ts'
import type { BridgeCredential } from '../transports/bridge/credential.ts'

/** The key is used here and goes no further; its thumbprint names it, whatever it was registered as. */
export function withoutKey(presented: Presented): BridgeCredential {
  if (presented.kind !== 'private_key') return presented
  const { agentId, presentedKey } = presented
  const jwk = { ...privateJwkOf(presentedKey), kid: presentedKey.thumbprint }
  return {
    kind: 'own_key',
    agentId,
    assertionFor: (issuer) => signClientAssertion(jwk, { agentId, issuer }),
  }
}

/** Node can be told to believe any certificate; then anybody could be the remote. */
export function requireVerifiedTls(env: Environment): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return
  throw new Refusal('invalid_request', {
    message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 would send the credential to anybody.',
    remedy: { text: 'Unset it; name a private authority in NODE_EXTRA_CA_CERTS.' },
  })
}
