// What the bridge presents for its own calls: a token, got when it is first needed, renewed while it is
// good and got anew when it is not. Calls that come at once wait for the same one. Where the remote offers
// no tokens, or has no method for the credential, that itself is presented.

import type { Presented } from '../../authority/presented.ts'
import { Refusal } from '../../core/refusal.ts'
import { asClient, bearer, inMeta } from './credential.ts'
import type { FetchJson } from './fetch-json.ts'
import { isFields } from './remote.ts'
import type { CallRemote, Presentation } from './remote.ts'
import type { RemoteAddress } from './remote-address.ts'
import { findTokenEndpoint } from './token-endpoint.ts'
import { requestToken } from './token-request.ts'
import type { Token } from './token-request.ts'

export interface Tokens {
  present(): Promise<Presentation>
  /** The remote did not take this: something else to present, or `undefined` where there is nothing. */
  insteadOf(refused: Presentation): Promise<Presentation | undefined>
}

interface Wiring {
  readonly credential: Presented
  readonly address: RemoteAddress
  readonly fetchJson: FetchJson
  readonly call: CallRemote
  /** What the operator narrows this bridge to. */
  readonly scopes?: readonly string[]
  readonly now: () => number
}

/** Renewed when this little of its life is left, in seconds; those that live shorter, at half of it. */
const margin = 60

interface Held extends Token {
  readonly presentation: Presentation
  readonly renewAt: number
}

export function createTokens(wiring: Wiring): Tokens {
  const { credential, now } = wiring
  const client = asClient(credential)
  let endpoint: string | undefined
  let held: Held | undefined
  let getting: Promise<Presentation> | undefined

  const hold = (token: Token): Held => {
    const life = token.expiresAt - now()
    const renewAt = token.expiresAt - Math.min(margin, Math.floor(life / 2))
    held = { ...token, presentation: bearer(token.text), renewAt }
    return held
  }

  async function get(): Promise<Presentation> {
    if (client === undefined) return inMeta(credential)
    endpoint ??= await findTokenEndpoint(wiring.fetchJson, wiring.address)
    if (endpoint === undefined) return inMeta(credential)
    const renewed = held && (await renew(wiring, held))
    if (renewed !== undefined) return hold(renewed).presentation
    const scopes = wiring.scopes ?? (await scopesOf(wiring))
    const resource = wiring.address.mcp
    const asking = { endpoint, client, scopes, resource, now: now() }
    return hold(await requestToken(wiring.fetchJson, asking)).presentation
  }

  const getOnce = (): Promise<Presentation> => {
    getting ??= get().finally(() => {
      getting = undefined
    })
    return getting
  }

  return {
    present: async () =>
      held !== undefined && now() < held.renewAt ? held.presentation : getOnce(),
    async insteadOf(refused) {
      if (client === undefined || refused.headers === undefined) return undefined
      if (held?.presentation === refused) held = { ...held, expiresAt: 0, renewAt: 0 }
      return getOnce()
    },
  }
}

/** Another token of the same grant: by the present one, or once that is over by the credential. */
async function renew({ call, credential, now }: Wiring, held: Held): Promise<Token | undefined> {
  const isGood = now() < held.expiresAt
  const { grantId } = held
  if (!isGood && (credential.kind !== 'secret' || grantId === undefined)) return undefined
  const asked = { ...(!isGood && { grant_id: grantId }), delivery: 'meta' }
  const presentation = isGood ? held.presentation : inMeta(credential)
  const params = { name: 'renew_token', arguments: asked }
  const { result } = await call('tools/call', params, presentation)
  const { structuredContent: told, _meta: meta } = result
  const text = isFields(meta) ? meta['dev.remit/token'] : undefined
  const expiresAt = isFields(told) ? told['expires_at'] : undefined
  if (typeof text !== 'string' || typeof expiresAt !== 'number') return undefined
  // The end of the grant: what is left of it is no use.
  if (expiresAt <= held.expiresAt && expiresAt - now() < margin) return undefined
  return { text, expiresAt, ...(grantId !== undefined && { grantId }) }
}

/** All that the credential allows now: a token request has to say what it wants (RFC 6749 §3.3). */
async function scopesOf({ call, credential }: Wiring): Promise<readonly string[]> {
  const params = { name: 'list_permissions', arguments: {} }
  const { result } = await call('tools/call', params, inMeta(credential))
  const told = isFields(result['structuredContent']) ? result['structuredContent'] : {}
  const { scopes, error } = told
  if (Array.isArray(scopes) && scopes.length > 0) return scopes.map(String)
  throw new Refusal('invalid_client', {
    message:
      isFields(error) && typeof error['message'] === 'string'
        ? error['message']
        : 'The credential of this bridge allows nothing at the remote Remit.',
  })
}
