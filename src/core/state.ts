// What the rules need to know of the world, as questions. The live state answers them from memory; tests
// answer them from plain objects.

import type { Agent } from './agent.ts'
import type { Credential } from './credential.ts'
import type { Revocation } from './revocation.ts'
import type { ScopeSet } from './scope.ts'

export type ServerStatus = 'pending' | 'active' | 'revoked'

export interface McpServer {
  readonly id: string
  readonly orgId: string
  readonly name: string
  readonly version: string
  readonly status: ServerStatus
  /** The key that later starts prove, as JSON of a public JWK; absent until it registered. */
  readonly publicJwk?: string
  readonly tools: readonly { readonly name: string; readonly scope_name?: string }[]
  readonly registeredAt?: number
  readonly createdAt: number
  readonly recordVersion: number
  /** The agent that invited it, and the grant that this was done under. */
  readonly createdBy?: string
  readonly createdUnder?: string
}

/** What a tool is called in scopes: `tool/<server>/<this>:invoke`. */
export const scopeNameOf = ({ name, scope_name }: McpServer['tools'][number]): string =>
  scope_name ?? name

export interface ResourceType {
  readonly orgId: string
  readonly type: string
  readonly description: string
  /** Each operation with the change at which it was registered. */
  readonly operations: ReadonlyMap<string, number>
  readonly ownerId: string
  readonly createdAt: number
  readonly createdUnder?: string
}

/** The world of one organisation as it is now. */
export interface State {
  readonly seq: number
  agent(id: string): Agent | undefined
  credential(id: string): Credential | undefined
  server(id: string): McpServer | undefined
  /** Restrictions under one key (see revocation.ts), oldest first. */
  revocations(key: string): readonly Revocation[]
  /** What an agent may be given at most, now. */
  ceilingOf(agent: Agent): ScopeSet
  resourceType(orgId: string, type: string): ResourceType | undefined
  /** Tools of the organisation's active servers, each as the scope that means it alone. */
  tools(orgId: string): ScopeSet
}
