// Whose registration is this? Redeeming shows the secret and a proof by the key to be bound; later calls
// show a proof by the bound key or, over HTTP, the management token that stands for it (authority: 27).
// Whether the registration still holds is decided apart from that.

import { Refusal } from '../core/refusal.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'
import type { PublicJwk } from '../crypto/public-key.ts'
import { credentialNamedIn, verifyRegistrationProof } from '../crypto/registration-proof.ts'
import { secretKindOf } from '../crypto/secret.ts'
import type { SecretKind } from '../crypto/secret.ts'
import { spendProof } from '../store/idempotency.ts'
import type { Registration } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import { secretHash } from './by-secret.ts'
import type { Context } from './context.ts'
import type { Presented } from './presented.ts'
import { badServerKey, strangeServer } from './server-refusals.ts'

export type ByServer = Extract<
  Presented,
  { kind: 'registration' | 'server_proof' | 'management_token' }
>

/** What was shown: this key, for this server name and credential, now. */
export interface Proven {
  readonly serverName?: string
  readonly credentialId?: string
  readonly thumbprint: string
  readonly jwk: PublicJwk
  /** Makes the proof good once; nothing for a management token. */
  readonly spend: readonly Write[]
}

/** Proves that the caller holds the key it names, or the token that stands for one. */
export async function provenKey(
  context: Context,
  presented: ByServer,
  publicJwk: unknown,
): Promise<Proven> {
  requireClass(presented)
  const { self, now } = context
  const checked = checkPublicJwk(publicJwk)
  if (!checked.ok) throw badServerKey()
  const { jwk, thumbprint } = checked.key
  if (presented.kind === 'management_token') return { thumbprint, jwk, spend: [] }
  const proof = await verifyRegistrationProof(presented.presentedProof, {
    publicJwk,
    audience: self.issuer,
    now: now(),
  })
  if (!proof.ok) throw proof.reason === 'unsupported_algorithm' ? badServerKey() : strangeServer()
  const { credentialId, serverName, jti, freshUntil } = proof
  const spend = [spendProof(`registration/${thumbprint}/${jti}`, freshUntil)]
  return { credentialId, serverName, thumbprint, jwk, spend }
}

/** By the secret or token where one is presented, else by the key that the credential is bound to. */
export function registrationMeant(
  context: Context,
  presented: ByServer,
  { credentialId, thumbprint }: Pick<Proven, 'credentialId' | 'thumbprint'>,
): Registration {
  const { registrations } = context.live
  if (presented.kind === 'server_proof') {
    const named = registrations.get(credentialId ?? '')
    if (named?.thumbprint === thumbprint) return named
    // Anyone can name a credential: with neither its secret nor its key that is a stranger.
    throw strangeServer(named?.status === 'bound' ? 'second_server_key' : undefined)
  }
  const hash = secretHash(context, presented.presentedSecret)
  const isMeant =
    presented.kind === 'registration'
      ? (each: Registration) => each.secretHash === hash
      : (each: Registration) => each.managementHash === hash
  const found = [...registrations.values()].find(isMeant)
  if (found === undefined) throw strangeServer()
  return found
}

/** The key that a registered server is known by; what is presented says which server that is. */
export function boundKey(context: Context, presented: ByServer): unknown {
  const { live } = context
  requireClass(presented)
  const id =
    presented.kind === 'management_token'
      ? registrationMeant(context, presented, { thumbprint: '' }).id
      : credentialNamedIn(presented.presentedProof)
  const key = live.server(live.registrations.get(id ?? '')?.serverId ?? '')?.publicJwk
  if (key === undefined) throw strangeServer()
  return JSON.parse(key)
}

function requireClass(presented: ByServer): void {
  if (presented.kind === 'server_proof') return
  const wanted: SecretKind = presented.kind
  const kind = secretKindOf(presented.presentedSecret)
  if (kind === wanted) return
  throw kind === undefined ? strangeServer() : new Refusal('wrong_credential_class')
}
