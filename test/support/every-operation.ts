// One way, or several, to call every operation about given things: one's own, another's, or none that
// exist. A test that walks this table meets each operation there is.

import { randomBytes } from 'node:crypto'
import { operations } from '../../src/operations/index.ts'
import type { Operation } from '../../src/operations/operation.ts'

/** What a call may name. */
export interface About {
  readonly agent: string
  readonly agentName: string
  readonly grant: string
  readonly token: string
  readonly instance: string
  readonly credential: string
  readonly server: string
  readonly serverName: string
}

type Arguments = Readonly<Record<string, unknown>>

const cause = 'test'
const scopes = ['demo:read']
const permissions = ['demo:read']
const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

/** By operation, everything it can be asked about these; the first asks as little as it can. */
const variants: Readonly<Record<string, (about: About) => readonly Arguments[]>> = {
  whoami: () => [{}],
  check_permission: ({ grant }) => [{ permissions }, { permissions, grant_id: grant }],
  list_permissions: ({ grant }) => [{}, { grant_id: grant }],
  list_resource_types: () => [{}],
  mint_token: ({ server, serverName }) => [
    { scopes },
    { scopes, audience: [server] },
    { scopes, audience: [serverName] },
  ],
  renew_token: ({ grant, token }) => [{ grant_id: grant }, { token_id: token }],
  claim_handoff: () => [{ handoff: 'code' }],
  delegate_token: ({ agent, agentName, server }) => [
    { scopes },
    { scopes, to: agent },
    { scopes, to: agentName },
    { scopes, audience: [server] },
  ],
  introspect_token: ({ grant, token }) => [
    { token: 'x' },
    { grant_id: grant },
    { token_id: token },
  ],
  list_tokens: ({ agent, agentName, grant }) => [
    {},
    { agent, include_dead: true },
    { agent: agentName },
    { grant_id: grant },
  ],
  delegation_tree: ({ grant }) => [{ include_dead: true }, { root: grant }],
  revoke_token: ({ agent, agentName, credential, grant, instance, token }) => [
    { task: 'nothing/like/it', cause },
    { grant_id: grant, cause },
    { token_id: token, cause },
    { instance_id: instance, cause },
    { agent, cause, count: true },
    { agent: agentName, cause },
    { credential_id: credential, cause },
  ],
  register_agent: () => [{ name: 'made', description: '', owner: 'tests', ceiling: scopes }],
  update_agent: ({ agent, agentName }) => [
    { agent, rotation_days: 30 },
    { agent: agentName, ceiling: scopes },
  ],
  set_agent_status: ({ agent, agentName }) => [
    { agent, status: 'suspended', cause },
    { agent: agentName, status: 'retired', cause },
    { agent, status: 'active', cause },
  ],
  get_agent: ({ agent, agentName }) => [{ agent }, { agent: agentName }],
  list_agents: () => [{}, { owner: 'tests' }],
  add_credential: ({ agent, agentName }) => [
    { agent, kind: 'secret' },
    { agent: agentName, kind: 'api_key', scopes, expires_at: 'never' },
  ],
  list_credentials: ({ agent, agentName }) => [{}, { agent }, { agent: agentName }],
  rotate_credential: ({ credential }) => [
    { credential_id: credential },
    { credential_id: credential, delivery: 'handoff' },
    { credential_id: credential, overlap_seconds: 0 },
  ],
  revoke_credential: ({ credential }) => [{ credential_id: credential, cause }],
  register_trust_anchor: () => [{ name: 'made', certificate: 'x' }],
  list_trust_anchors: () => [{}],
  revoke_trust_anchor: () => [{ anchor: 'no-anchor', cause }],
  server_status: () => [{}],
  list_mcp_servers: () => [{}],
  register_mcp_server: ({ serverName }) => [
    { name: serverName, version: '1', public_jwk: jwk, tools: [], resource_types: [] },
  ],
  issue_registration_credential: () => [{ server_name: 'invited' }],
  rotate_registration_credential: ({ server, serverName }) => [{ server }, { server: serverName }],
  revoke_registration_credential: ({ server, serverName }) => [
    { server, cause },
    { server: serverName, cause },
  ],
  register_resource_type: () => [{ type: 'made', operations: ['read'], description: '' }],
  rotate_signing_key: () => [{ retire_after_seconds: 60 }],
  verify_request: () => [
    { method: 'GET', url: 'https://api.example/', headers: {} },
    { method: 'GET', url: 'https://api.example/', headers: { signature: 'sig=::' }, body: '' },
  ],
  auth_challenge: ({ agent, agentName }) => [
    { nonce: randomBytes(16).toString('base64url'), channel: 'c' },
    { peer: agent, nonce: randomBytes(16).toString('base64url'), channel: 'c' },
    { peer: agentName, nonce: randomBytes(16).toString('base64url'), channel: 'c' },
  ],
  auth_answer: () => [
    {
      challenge_id: 'chl_00000000000000000000zzzzzz',
      nonce: randomBytes(16).toString('base64url'),
      channel: 'c',
    },
  ],
  query_audit: ({ agent, agentName, grant }) => [
    {},
    { agent },
    { agent: agentName },
    { grant_id: grant },
  ],
  verify_audit: () => [{}],
}

export interface Asking {
  readonly operation: Operation
  readonly args: Arguments
}

/** Every operation in each of its ways; fails where one has none. */
export const everyCall = (about: About): readonly Asking[] =>
  operations.flatMap((operation) => {
    const ways = variants[operation.name]
    if (ways === undefined) throw new Error(`There is no way to call ${operation.name}.`)
    return ways(about).map((args) => ({ operation, args }))
  })

/** Well-formed, and of nothing that exists. */
export const nothing: About = {
  agent: 'agt_00000000000000000000zzzzzz',
  agentName: 'nobody-at-all',
  grant: 'grt_00000000000000000000zzzzzz',
  token: 'tok_00000000000000000000zzzzzz',
  instance: 'ins_00000000000000000000zzzzzz',
  credential: 'crd_00000000000000000000zzzzzz',
  server: 'srv_00000000000000000000zzzzzz',
  serverName: 'nowhere-at-all',
}

/** An answer's text with the ids and names it was asked about, and its decision, taken out. */
export function withoutNames(answer: object, { ...about }: About): string {
  const names = Object.values(about).toSorted((a, b) => b.length - a.length)
  return names
    .reduce((text, name) => text.replaceAll(name, '…'), JSON.stringify(answer))
    .replaceAll(/"(decision_id|challenge_id|statement)":"[^"]*"/g, '"$1":"…"')
}
