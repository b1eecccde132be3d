// The credential that the bridge was started with, in each of the forms in which the remote takes it.

import type { Presented } from '../../authority/presented.ts'
import { Refusal } from '../../core/refusal.ts'
import type { Presentation } from './remote.ts'

/** The agent's own key stays with whoever started the bridge; here is only what it signs. */
export interface OwnKey {
  readonly kind: 'own_key'
  readonly agentId: string
  /** A new client assertion for that issuer (RFC 7523 §3). */
  readonly assertionFor: (issuer: string) => Promise<string>
}

export type Sendable = Exclude<Presented, { kind: 'private_key' }>
export type BridgeCredential = Sendable | OwnKey

/** What is sent this once: an assertion is good for one request, so each has one of its own. */
export async function forOneRequest(
  credential: BridgeCredential,
  issuer: string | undefined,
): Promise<Sendable> {
  if (credential.kind !== 'own_key') return credential
  if (issuer === undefined) throw withoutIssuer()
  const { agentId, assertionFor } = credential
  return { kind: 'assertion', agentId, presentedAssertion: await assertionFor(issuer) }
}

/** A remote that is no address cannot show that a name is its own; believed, it could pass on what is signed. */
const withoutIssuer = (): Refusal =>
  new Refusal('invalid_client', {
    message: 'The bridge cannot sign: the issuer of this remote Remit is not an address.',
    remedy: { text: 'Start the bridge with the remote’s issuer, its urn, in REMIT_ISSUER.' },
  })

/** Whether OAuth has a method for it at the token endpoint. */
export const isForTokens = ({ kind }: BridgeCredential): boolean =>
  kind === 'secret' || kind === 'assertion' || kind === 'own_key'

/** In the request's metadata, for a remote without a token endpoint, and for what tokens do not allow. */
export function inMeta(credential: Sendable): Presentation {
  switch (credential.kind) {
    case 'secret':
      return {
        meta: {
          'dev.remit/agent_id': credential.agentId,
          'dev.remit/agent_secret': credential.presentedSecret,
        },
      }
    case 'api_key':
      return { meta: { 'dev.remit/api_key': credential.presentedSecret } }
    case 'assertion':
      return {
        meta: {
          'dev.remit/agent_id': credential.agentId,
          'dev.remit/client_assertion': credential.presentedAssertion,
        },
      }
    case 'token':
      return bearer(credential.presentedToken)
    default:
      return {}
  }
}

export const bearer = (token: string): Presentation => ({
  headers: { authorization: `Bearer ${token}` },
})

export interface Client {
  readonly headers: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
}

/** What authenticates the client at the token endpoint; `undefined` for what OAuth has no method for. */
export function asClient(credential: Sendable): Client | undefined {
  if (credential.kind === 'secret') {
    // RFC 6749 §2.3.1: both are form-encoded before they are joined.
    const pair = [credential.agentId, credential.presentedSecret].map(encodeURIComponent).join(':')
    const encoded = Buffer.from(pair).toString('base64')
    return { headers: { authorization: `Basic ${encoded}` }, form: {} }
  }
  if (credential.kind === 'assertion') {
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const form = { client_assertion_type: type, client_assertion: credential.presentedAssertion }
    return { headers: {}, form }
  }
  return undefined
}
