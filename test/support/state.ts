// The world as plain objects, for tests of the rules: what is not said is the simplest thing that lives.
// Everything belongs to `org_1` and is there since change 0.

import type { Agent } from '../../src/core/agent.ts'
import type { Credential } from '../../src/core/credential.ts'
import type { Grant } from '../../src/core/grant.ts'
import { toolsOf } from '../../src/core/registered.ts'
import { revocationKey } from '../../src/core/revocation.ts'
import type { Revocation } from '../../src/core/revocation.ts'
import { parseScope } from '../../src/core/scope.ts'
import type { Scope, ScopeSet } from '../../src/core/scope.ts'
import type { McpServer, ResourceType, State } from '../../src/core/state.ts'

export interface Facts {
  readonly agents?: readonly Agent[]
  readonly credentials?: readonly Credential[]
  readonly servers?: readonly McpServer[]
  readonly revocations?: readonly Revocation[]
  /** Types with the change at which each of their operations was registered. */
  readonly types?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly seq?: number
}

/** Answers every question from the facts; what is not among them is not there. */
export const stateOf = (facts: Facts = {}): State => ({
  seq: facts.seq ?? 0,
  agent: (id) => facts.agents?.find((agent) => agent.id === id),
  credential: (id) => facts.credentials?.find((credential) => credential.id === id),
  server: (id) => facts.servers?.find((server) => server.id === id),
  revocations: (key) =>
    facts.revocations?.filter((each) => revocationKey(each.kind, each.target) === key) ?? [],
  ceilingOf: (agent) => agent.ceiling,
  resourceType: (orgId, type) =>
    orgId === 'org_1' && facts.types !== undefined && Object.hasOwn(facts.types, type)
      ? resourceType(type, facts.types[type] ?? {})
      : undefined,
  tools: (orgId) => toolsOf(orgId, facts.servers ?? []),
})

const resourceType = (type: string, since: Readonly<Record<string, number>>): ResourceType => ({
  orgId: 'org_1',
  type,
  description: '',
  operations: new Map(Object.entries(since)),
  ownerId: 'agt_1',
  createdAt: 0,
})

export function scope(text: string): Scope {
  const parsed = parseScope(text)
  if (parsed === undefined) throw new Error(`Not a scope: ${text}`)
  return parsed
}

/** A set from its wire form. */
export const scopes = (text: string): ScopeSet =>
  text === '' ? [] : text.split(' ').map((each) => scope(each))

export const agent = (traits: Partial<Agent> = {}): Agent => ({
  id: 'agt_1',
  orgId: 'org_1',
  name: 'one',
  description: '',
  owner: 'tests',
  ceiling: [],
  computedCeiling: false,
  sensitivity: 'normal',
  authMethods: ['secret'],
  rotationDays: 30,
  status: 'active',
  createdAt: 0,
  version: 1,
  ...traits,
})

export const credential = (traits: Partial<Credential> = {}): Credential => ({
  id: 'crd_1',
  orgId: 'org_1',
  agentId: 'agt_1',
  kind: 'secret',
  recordedStatus: 'active',
  createdAt: 0,
  version: 1,
  ...traits,
})

export const server = (traits: Partial<McpServer> = {}): McpServer => ({
  id: 'srv_1',
  orgId: 'org_1',
  name: 'remit',
  version: '1',
  status: 'active',
  tools: [],
  createdAt: 0,
  recordVersion: 1,
  ...traits,
})

export const grant = (traits: Partial<Grant> = {}): Grant => ({
  id: 'grt_1',
  orgId: 'org_1',
  agentId: 'agt_1',
  lineage: [],
  scopes: [],
  audience: ['srv_1'],
  expiresAt: 1000,
  depth: 0,
  maxDepth: 5,
  require: [],
  credentialId: 'crd_1',
  standing: false,
  createdSeq: 0,
  createdAt: 0,
  ...traits,
})

export const revocation = (traits: Partial<Revocation> = {}): Revocation => ({
  seq: 1,
  orgId: 'org_1',
  kind: 'grant',
  target: 'grt_1',
  within: [],
  cause: 'test',
  at: 0,
  ...traits,
})
