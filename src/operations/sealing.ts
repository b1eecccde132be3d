// Delivery that is safe even in a prompt: sealed to the key that the recipient registered (authority: 19).

import { encryptionKey } from '../authority/agent-keys.ts'
import type { Context } from '../authority/context.ts'
import { ensureSigningKey } from '../authority/ensure-signing-key.ts'
import { Refusal } from '../core/refusal.ts'
import type { Credential } from '../core/credential.ts'
import type { ScopeSet } from '../core/scope.ts'
import { checkEncryptionJwk } from '../crypto/encryption-key.ts'
import type { EncryptionKey } from '../crypto/encryption-key.ts'
import { sealDelivery } from '../crypto/sealed-delivery.ts'
import type { SealedContents } from '../crypto/sealed-delivery.ts'
import type { Handed } from './operation.ts'

/** Seconds after which what holds a secret is not to be opened any more. */
const secretLife = 86_400

/** Whether an agent has a key to seal to what may do this much. */
export const canBeSealedTo = (context: Context, agentId: string, reach: ScopeSet): boolean =>
  encryptionKey(context, agentId, reach) !== undefined

/**
 * The key that an agent registered before for what may do this much; of one that has none yet, the key that
 * its new credential brings. Refuses where there is neither.
 */
export function sealingKey(
  context: Context,
  agentId: string,
  reach: ScopeSet,
  { encryptionKey: brought }: Pick<Credential, 'encryptionKey'> = {},
): EncryptionKey {
  const registered = encryptionKey(context, agentId, reach)
  if (registered !== undefined) return registered
  const checked = brought === undefined ? undefined : checkEncryptionJwk(brought.jwk)
  if (checked?.ok === true) return checked.key
  throw new Refusal('invalid_request', {
    message: 'The recipient has registered no key to seal to.',
    remedy: {
      text: 'Add a credential with encryption_jwk to it, or choose another delivery.',
      operation: 'add_credential',
    },
  })
}

type Stated = Pick<SealedContents, 'sub' | 'token' | 'credential'> & { readonly exp?: number }

/** What is handed out: encrypted to the recipient, signed by this server, and dated. */
export async function sealedTo(
  context: Context,
  key: EncryptionKey,
  recipientId: string,
  { exp, ...stated }: Stated,
): Promise<Handed> {
  await ensureSigningKey(context, 'delivery')
  const { self, now, newId, ring } = context
  const iat = now()
  const jwe = await sealDelivery(ring.signer('delivery').signer, key, {
    iss: self.issuer,
    aud: recipientId,
    jti: newId('evt'),
    iat,
    exp: Math.min(exp ?? Number.MAX_SAFE_INTEGER, iat + secretLife),
    ...stated,
  })
  return { delivery: { kind: 'sealed', jwe } }
}
