// An MCP server's registration in the words of RFC 7591 §2: its name is the client's, its key stands in `jwks`,
// and what it serves, and is called in tokens, in three members of ours. Members that mean nothing here are left aside, as §2 wants.

import type { ManagedServer } from '../../operations/managed-server.ts'
import { isObject } from '../http/json.ts'
import { OAuthProblem } from './problem.ts'

/** The arguments of `register_mcp_server` that a request's metadata come to. */
export function argumentsIn(body: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(body)) throw badMetadata('The body must be a JSON object of client metadata.')
  const { client_name, software_version, jwks, tools = [], resource_types = [] } = body
  const keys = isObject(jwks) ? jwks['keys'] : undefined
  const [public_jwk, second] = Array.isArray(keys) ? (keys as readonly unknown[]) : []
  if (!isObject(public_jwk) || second !== undefined) {
    throw badMetadata('jwks must hold exactly one public key: that of the server.')
  }
  if ('jwks_uri' in body) throw badMetadata('The key stands in jwks; no jwks_uri is read.')
  return { name: client_name, version: software_version, public_jwk, tools, resource_types }
}

/** RFC 7592 §2.2: what only this server says must not be in an update, and `client_id` must be right. */
export function refuseForeignMembers(body: unknown, clientId: string): void {
  const given = isObject(body) ? body : {}
  const ours = ['registration_access_token', 'registration_client_uri', 'client_id_issued_at']
  const found = [...ours, 'client_secret_expires_at'].find((member) => member in given)
  if (found !== undefined) throw badMetadata(`${found} must not be in an update.`)
  if (given['client_id'] !== clientId) throw badMetadata('client_id must be that of the address.')
}

/** The client information response (RFC 7591 §3.2.1, RFC 7592 §3). */
export const informationOf = (server: ManagedServer, address: string, token: string) => ({
  client_id: server.server_id,
  client_id_issued_at: server.registered_at,
  client_name: server.name,
  software_version: server.version,
  audience: server.audience,
  jwks: { keys: [server.public_jwk] },
  tools: server.tools,
  resource_types: server.resource_types,
  // It asks for no tokens here: it checks those of others.
  grant_types: [],
  response_types: [],
  token_endpoint_auth_method: 'none',
  registration_client_uri: address,
  registration_access_token: token,
})

const badMetadata = (message: string): OAuthProblem =>
  new OAuthProblem('invalid_client_metadata', message)
