// The credential that the bridge was started with, in each of the forms in which the remote takes it.

import type { Presented } from '../../authority/presented.ts'
import type { Presentation } from './remote.ts'

/** In the request's metadata, for a remote without a token endpoint, and for what tokens do not allow. */
export function inMeta(credential: Presented): Presentation {
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

/** What authenticates the client at the token endpoint; `undefined` for what OAuth has no method for. */
export function asClient(
  credential: Presented,
): { readonly headers: Record<string, string>; readonly form: Record<string, string> } | undefined {
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
