// Where the remote hands out tokens: its protected resource metadata (RFC 9728) name the authorization server,
// whose metadata (RFC 8414) name the token endpoint. Both must say that they are what was asked for, and the
// secret goes to no other origin than the one that the host was started for.

import { wellKnownUrl } from '../http/resource-metadata.ts'
import { unavailable } from './fetch-json.ts'
import type { FetchJson, Received } from './fetch-json.ts'
import type { RemoteAddress } from './remote-address.ts'

export interface TokenEndpoint {
  readonly endpoint: string
  readonly issuer: string
}

/** `undefined` where the remote does not offer OAuth: its issuer is no address. */
export async function findTokenEndpoint(
  fetchJson: FetchJson,
  { origin, mcp }: RemoteAddress,
  expectedIssuer?: string,
): Promise<TokenEndpoint | undefined> {
  const resource = await fetchJson(wellKnownUrl(mcp, 'oauth-protected-resource'))
  if (resource.status === 404) return undefined
  const described = metadataIn(resource)
  const [issuer] = listIn(described['authorization_servers'])
  // RFC 9728 §3.3: a resource that is not the one asked for is not to be used.
  if (described['resource'] !== mcp || issuer === undefined) throw misleading()
  if (originOf(issuer) !== origin) throw misleading()
  if (issuer !== (expectedIssuer ?? issuer)) throw misleading()
  const server = metadataIn(await fetchJson(wellKnownUrl(issuer, 'oauth-authorization-server')))
  const endpoint = server['token_endpoint']
  // RFC 8414 §3.3.
  if (server['issuer'] !== issuer || originOf(endpoint) !== origin) throw misleading()
  return { endpoint: String(endpoint), issuer }
}

function metadataIn({ status, body }: Received): Readonly<Record<string, unknown>> {
  if (status === 200 && body !== undefined) return body
  throw unavailable('The remote Remit does not say where it hands out tokens.')
}

const listIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []

const originOf = (url: unknown): string | undefined =>
  typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : undefined

const misleading = () =>
  unavailable('The metadata of the remote Remit are not those of the address in --url.')
