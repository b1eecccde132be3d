// Callers who present a secret or an API key. The keyed hash finds the credential; argon2id confirms it
// once, and then again only when something about the credential changed.

import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { secretKindOf } from '../crypto/secret.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import { byCredential } from './by-credential.ts'
import { isConfirmed } from './confirmed-secrets.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'
import { keepRequestKey } from './request-keys.ts'

type BySecret = Extract<Presented, { kind: 'secret' | 'api_key' }>

export async function bySecret(
  context: Context,
  presented: BySecret,
  repeats: boolean,
): Promise<Authenticated> {
  const wanted = presented.kind === 'secret' ? 'agent_secret' : 'api_key'
  const kind = secretKindOf(presented.presentedSecret)
  if (kind !== wanted) {
    return refused(kind === undefined ? unusable() : new Refusal('wrong_credential_class'))
  }
  const credential = await credentialOf(context, presented)
  if (credential === undefined) return refused(unusable())
  const again = () => bySecret(context, presented, repeats)
  const keeping = () => keepRequestKey(context, credential, presented.presentedSecret)
  return byCredential(context, credential, { repeats, keeping, again })
}

/** The keyed hash finds the credential; only a match reaches argon2id (authority: rule 11). */
async function credentialOf(
  context: Context,
  presented: BySecret,
): Promise<Credential | undefined> {
  const { live } = context
  const secret = presented.presentedSecret
  const hash = secretHash(context, secret)
  const found = live.credentialBySecret(hash)
  if (found?.passwordHash === undefined) return undefined
  if (presented.kind === 'secret' && found.agentId !== presented.agentId) return undefined
  if ((found.kind === 'secret') !== (presented.kind === 'secret')) return undefined
  if (!(await isConfirmed(context, secret, found.passwordHash))) return undefined
  return live.credentialBySecret(hash)
}

/**
 * Begins to confirm a secret that will be presented, so that the first call need not wait for all of it.
 * Nothing is proven by this; that call asks itself.
 */
export function confirmAhead(context: Context, presented: Presented): void {
  if (presented.kind !== 'secret' && presented.kind !== 'api_key') return
  credentialOf(context, presented).catch(() => undefined)
}

/** What the store keeps a secret under. */
export const secretHash = ({ keys }: Pick<Context, 'keys'>, secret: string): string =>
  keyedHash(keys.secrets, secret).toString('base64url')
