// What a new store holds from its first commit: an organisation, this server and its registration, the
// signing keys, the administrator, one agent for local use and one resource type to try things on.

import { authMethods } from '../core/agent.ts'
import type { Agent } from '../core/agent.ts'
import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { IdPrefix } from '../core/id.ts'
import { parseScopes } from '../core/scope.ts'
import type { McpServer, ResourceType } from '../core/state.ts'
import { putAgent } from '../store/agents.ts'
import { putCredential } from '../store/credentials.ts'
import { insertFact, insertOrg } from '../store/facts.ts'
import { putResourceType, sinceThisChange } from '../store/resource-types.ts'
import { putRegistration, putServer } from '../store/servers.ts'
import { keyPurposes, putSigningKey } from '../store/signing-keys.ts'
import type { Unit } from '../store/store.ts'
import { makeAgentSecret, makeRegistration } from './new-secrets.ts'
import type { Making } from './new-secrets.ts'
import { newSigningKey } from './new-signing-key.ts'

/** This server's name in its own registry. */
export const ownServerName = 'remit'

export interface FirstStore {
  readonly orgName: string
  readonly storeId: string
  readonly issuer: string
  /** The data key, sealed under the master key. */
  readonly sealedKey: string
  readonly version: string
}

export interface FirstRecords {
  readonly unit: Unit
  readonly orgId: string
  readonly serverId: string
  readonly adminId: string
  readonly localId: string
  readonly registrationFile: string
  readonly adminFile: string
  readonly localFile: string
}

/** Everything of a new store as one unit, and the files that go with it. */
export async function firstRecords(making: Making, first: FirstStore): Promise<FirstRecords> {
  const { newId, now } = making
  const orgId = newId('org')
  const server: McpServer = {
    id: newId('srv'),
    orgId,
    name: ownServerName,
    version: first.version,
    status: 'pending',
    tools: [],
    createdAt: now,
    recordVersion: 1,
  }
  const registration = makeRegistration(making, server)
  const admin = { ...firstAgent(making, orgId, 'admin'), ...adminTraits }
  const local = { ...firstAgent(making, orgId, 'local'), ...localTraits }
  const adminSecret = await makeAgentSecret(making, admin)
  const localSecret = await makeAgentSecret(making, local)
  // Of every purpose, so that whoever keeps the key set from today on has them all.
  const keys = keyPurposes.map((purpose) => newSigningKey(making, purpose))
  const demo = demoType(orgId, admin.id, now)
  const made = madeEvent(making, orgId, server.id)
  const facts = {
    store_id: first.storeId,
    issuer: first.issuer,
    data_key: first.sealedKey,
    format: 'remit',
  }
  return {
    unit: {
      writes: [
        insertOrg({ id: orgId, name: first.orgName }, now),
        ...keys.map(putSigningKey),
        putServer(server),
        putRegistration(registration.record),
        putAgent(admin),
        putAgent(local),
        putResourceType(demo),
        putCredential(adminSecret.record),
        putCredential(localSecret.record),
        ...Object.entries(facts).map(([name, value]) => insertFact(name, value)),
      ],
      events: [
        made('organisation', orgId),
        ...keys.map((key) => made('signing_key', key.id)),
        made('server', server.id),
        made('registration_credential', registration.record.id),
        made('agent', admin.id),
        made('agent', local.id),
        made('resource_type', demo.type),
        made('credential', adminSecret.record.id),
        made('credential', localSecret.record.id),
      ],
    },
    orgId,
    serverId: server.id,
    adminId: admin.id,
    localId: local.id,
    registrationFile: registration.fileText,
    adminFile: adminSecret.fileText,
    localFile: localSecret.fileText,
  }
}

/** An event of what was done on the host, by whoever has the master key: nobody was presented. */
export const madeEvent =
  (
    { newId, now }: { readonly newId: (prefix: IdPrefix) => string; readonly now: number },
    orgId: string,
    serverId: string,
    operation = 'init',
  ) =>
  (made: string, target: string): UnlinkedEvent => ({
    id: newId('evt'),
    at: now,
    orgId,
    operation,
    outcome: 'allowed',
    code: 'allowed',
    lineage: [],
    target,
    detail: JSON.stringify({ made }),
    count: 1,
    serverId,
  })

const adminTraits = {
  description: 'Administers this store: every registered type with all its operations.',
  computedCeiling: true,
  sensitivity: 'normal',
} as const

const localTraits = {
  description: 'For local use: tries things on the demo type and delegates to sub-agents.',
  ceiling: parseScopes('demo:* tokens:delegate') ?? [],
} as const

const firstAgent = ({ newId, now }: Making, orgId: string, name: string): Agent => ({
  id: newId('agt'),
  orgId,
  name,
  description: '',
  owner: 'operator',
  ceiling: [],
  computedCeiling: false,
  sensitivity: 'normal',
  authMethods,
  rotationDays: 30,
  status: 'active',
  createdAt: now,
  version: 1,
})

const demoType = (orgId: string, ownerId: string, now: number): ResourceType => ({
  orgId,
  type: 'demo',
  description: 'A type to try things on.',
  operations: new Map(['read', 'write', 'delete'].map((name) => [name, sinceThisChange])),
  ownerId,
  createdAt: now,
})
