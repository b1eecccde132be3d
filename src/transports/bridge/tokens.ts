// What the bridge presents for its own calls: a token, got when it is first needed, renewed while it is
// good and got anew when it is not. Calls that come at once wait for the same one. Where the remote offers
// no tokens, or has no method for the credential, that itself is presented, or for each call what it signs.

import { Refusal } from '../../core/refusal.ts'
import { asClient, bearer, forOneRequest, inMeta, isForTokens } from './credential.ts'
import type { BridgeCredential, Client, Sendable } from './credential.ts'
import type { FetchJson } from './fetch-json.ts'
import { isFields } from './remote.ts'
import type { CallRemote, Presentation } from './remote.ts'
import type { RemoteAddress } from './remote-address.ts'
import { findTokenEndpoint } from './token-endpoint.ts'
import type { TokenEndpoint } from './token-endpoint.ts'
import { requestToken } from './token-request.ts'
import type { Token } from './token-request.ts'

export interface Tokens {
  present(): Promise<Presentation>
  /** The remote did not take this: something else to present, or `undefined` where there is nothing. */
  insteadOf(refused: Presentation): Promise<Presentation | undefined>
}

interface Wiring {
  readonly credential: BridgeCredential
  /** What the operator knows the remote's issuer to be. */
  readonly issuer?: string
  readonly address: RemoteAddress
  readonly fetchJson: FetchJson
  readonly call: CallRemote
  /** What the operator narrows this bridge to. */
  readonly scopes?: readonly string[]
  readonly now: () => number
}

/** Renewed when this little of its life is left, in seconds; those that live shorter, at half of it. */
const margin = 60

/** One call of the bridge's own: by what is given, else by the credential. */
type Call = (
  name: string,
  args: Readonly<Record<string, unknown>>,
  presentation?: Presentation,
) => Promise<Readonly<Record<string, unknown>>>

interface Held extends Token {
  readonly presentation: Presentation
  readonly renewAt: number
}

export function createTokens(wiring: Wiring): Tokens {
  const { credential, now } = wiring
  let found: TokenEndpoint | undefined
  let held: Held | undefined
  let getting: Promise<Presentation | undefined> | undefined

  const proof = (): Promise<Sendable> => forOneRequest(credential, found?.issuer ?? wiring.issuer)
  const call: Call = async (name, args, presentation) => {
    const params = { name, arguments: args }
    const { result } = await wiring.call(
      'tools/call',
      params,
      presentation ?? inMeta(await proof()),
    )
    return result
  }

  const hold = (token: Token): Held => {
    const life = token.expiresAt - now()
    const renewAt = token.expiresAt - Math.min(margin, Math.floor(life / 2))
    held = { ...token, presentation: bearer(token.text), renewAt }
    return held
  }

  async function client(): Promise<Client> {
    const known = asClient(await proof())
    if (known === undefined) throw new Refusal('invalid_client')
    return known
  }

  /** `undefined` where there are no tokens for this credential. */
  async function get(): Promise<Presentation | undefined> {
    if (!isForTokens(credential)) return undefined
    found ??= await findTokenEndpoint(wiring.fetchJson, wiring.address, wiring.issuer)
    if (found === undefined) return undefined
    const renewed = held && (await renew(call, wiring, held))
    if (renewed !== undefined) return hold(renewed).presentation
    const scopes = wiring.scopes ?? (await scopesOf(call))
    const { endpoint } = found
    const asking = { endpoint, client, scopes, resource: wiring.address.mcp, now: now() }
    return hold(await requestToken(wiring.fetchJson, asking)).presentation
  }

  const getOnce = (): Promise<Presentation | undefined> => {
    getting ??= get().finally(() => {
      getting = undefined
    })
    return getting
  }

  return {
    async present() {
      if (held !== undefined && now() < held.renewAt) return held.presentation
      return (await getOnce()) ?? inMeta(await proof())
    },
    async insteadOf(refused) {
      if (refused.headers === undefined) return undefined
      if (held?.presentation === refused) held = { ...held, expiresAt: 0, renewAt: 0 }
      return getOnce()
    },
  }
}

/** Another token of the same grant: by the present one, or once that is over by the credential. */
async function renew(
  call: Call,
  { credential, now }: Wiring,
  held: Held,
): Promise<Token | undefined> {
  const isGood = now() < held.expiresAt
  const { grantId } = held
  const mayRepeat = credential.kind === 'secret' || credential.kind === 'own_key'
  if (!isGood && (!mayRepeat || grantId === undefined)) return undefined
  const asked = { ...(!isGood && { grant_id: grantId }), delivery: 'meta' }
  const presentation = isGood ? held.presentation : undefined
  const { structuredContent: told, _meta: meta } = await call('renew_token', asked, presentation)
  const text = isFields(meta) ? meta['dev.remit/token'] : undefined
  const expiresAt = isFields(told) ? told['expires_at'] : undefined
  if (typeof text !== 'string' || typeof expiresAt !== 'number') return undefined
  // The end of the grant: what is left of it is no use.
  if (expiresAt <= held.expiresAt && expiresAt - now() < margin) return undefined
  return { text, expiresAt, ...(grantId !== undefined && { grantId }) }
}

/** All that the credential allows now: a token request has to say what it wants (RFC 6749 §3.3). */
async function scopesOf(call: Call): Promise<readonly string[]> {
  const result = await call('list_permissions', {})
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
