// What is live, in memory: agents, credentials, servers, types, keys and restrictions, exact as of one
// change number. Other processes write the same store; every call asks whether they did and catches up
// first. Grants and tokens never change and are remembered by id, within a limit.

import { LRUCache } from 'lru-cache'
import type { Agent } from '../core/agent.ts'
import type { Credential } from '../core/credential.ts'
import type { Grant, Token } from '../core/grant.ts'
import { revocationKey } from '../core/revocation.ts'
import type { Revocation } from '../core/revocation.ts'
import { toolsOf } from '../core/registered.ts'
import type { ScopeSet } from '../core/scope.ts'
import type { McpServer, ResourceType, State } from '../core/state.ts'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import { agentById, allAgents } from '../store/agents.ts'
import { newestHeadTime } from '../store/audit.ts'
import { allCredentials, credentialById } from '../store/credentials.ts'
import { changesAfter, newestOfAllChanges } from '../store/facts.ts'
import { grantById, standingRoots } from '../store/grants.ts'
import { allResourceTypes, resourceTypeByEntityId } from '../store/resource-types.ts'
import { allRevocations, lostRevocations, revocationBySeq } from '../store/revocations.ts'
import { allRegistrations, allServers, registrationById, serverById } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import { allSigningKeys, signingKeyById } from '../store/signing-keys.ts'
import type { SigningKeyRecord } from '../store/signing-keys.ts'
import { andThen, inTurn } from '../store/store.ts'
import type { Change, Read, Soon, Store } from '../store/store.ts'
import { allTrustAnchors, trustAnchorById } from '../store/trust-anchors.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { reserved, wholeCeiling } from './registered-types.ts'

export interface LiveState extends State {
  /** The newest time that any process committed at, in seconds. */
  readonly committedAt: number
  /** Rises whenever anything here changed; what was derived at an older one must be derived again. */
  readonly revision: number
  readonly agents: ReadonlyMap<string, Agent>
  readonly credentials: ReadonlyMap<string, Credential>
  readonly servers: ReadonlyMap<string, McpServer>
  readonly registrations: ReadonlyMap<string, Registration>
  readonly resourceTypes: ReadonlyMap<string, ResourceType>
  readonly signingKeys: ReadonlyMap<string, SigningKeyRecord>
  readonly trustAnchors: ReadonlyMap<string, TrustAnchor>
  /** Standing roots that an agent's credentials ever made. */
  rootsOf(agentId: string): Iterable<Grant>
  agentByName(orgId: string, name: string): Agent | undefined
  serverByName(orgId: string, name: string): McpServer | undefined
  credentialBySecret(secretHash: string): Credential | undefined
  grant(id: string): Soon<Grant | undefined>
  rememberToken(key: string, token: Token): void
  tokenByText(key: string): Token | undefined
  /** Catches up if another process committed; to be asked at the start of every call. */
  refresh(): Soon<void>
  /** Takes in what was committed, by whomever. */
  catchUp(): Soon<void>
}

const remembered = 10_000

/** Loads everything that is live; from then on follows the changes. */
export function openLiveState(store: Store): Soon<LiveState> {
  const agents = new Map<string, Agent>()
  const agentIds = new Map<string, string>()
  const credentials = new Map<string, Credential>()
  const secretHashes = new Map<string, string>()
  const servers = new Map<string, McpServer>()
  const serverIds = new Map<string, string>()
  const registrations = new Map<string, Registration>()
  const resourceTypes = new Map<string, ResourceType>()
  const signingKeys = new Map<string, SigningKeyRecord>()
  const trustAnchors = new Map<string, TrustAnchor>()
  const roots = new Map<string, Map<string, Grant>>()
  const revocations = new Map<string, Revocation[]>()
  const grants = new LRUCache<string, Grant>({ max: remembered })
  const tokens = new LRUCache<string, Token>({ max: remembered })
  const computed = new Map<string, ScopeSet>()
  let seq = 0
  let revision = 0
  let committedAt = 0
  /** Set until a catch-up succeeded: a failed one must not be taken for done. */
  let behind = false

  const put = {
    agent: (a: Agent) => {
      agents.set(a.id, a)
      agentIds.set(`${a.orgId}/${a.name}`, a.id)
    },
    credential: (c: Credential) => {
      const old = credentials.get(c.id)?.secretHash
      if (old !== undefined) secretHashes.delete(old)
      credentials.set(c.id, c)
      if (c.secretHash !== undefined) secretHashes.set(c.secretHash, c.id)
    },
    server: (s: McpServer) => {
      servers.set(s.id, s)
      serverIds.set(`${s.orgId}/${s.name}`, s.id)
    },
    registration: (r: Registration) => void registrations.set(r.id, r),
    resource_type: (t: ResourceType) => void resourceTypes.set(`${t.orgId}/${t.type}`, t),
    signing_key: (k: SigningKeyRecord) => void signingKeys.set(k.id, k),
    trust_anchor: (a: TrustAnchor) => void trustAnchors.set(a.id, a),
    standing_root: (g: Grant) => {
      const ofAgent = roots.get(g.agentId) ?? new Map<string, Grant>()
      roots.set(g.agentId, ofAgent.set(g.id, g))
    },
    revocation: (r: Revocation) => {
      const key = revocationKey(r.kind, r.target)
      const known = revocations.get(key)
      if (known === undefined) revocations.set(key, [r])
      else if (!known.some((k) => k.seq === r.seq)) known.push(r)
    },
  }

  /** A row that is gone or refused takes its record with it: absence never grants. */
  const drop: Partial<Record<Change['entity'], (id: string) => void>> = {
    agent: (id) => void agents.delete(id),
    credential: (id) => void credentials.delete(id),
    server: (id) => void servers.delete(id),
    registration: (id) => void registrations.delete(id),
    resource_type: (id) => void resourceTypes.delete(id),
    signing_key: (id) => void signingKeys.delete(id),
    trust_anchor: (id) => void trustAnchors.delete(id),
  }

  const into = <T>(read: Read<T>, take: (record: T) => void, absent?: () => void): Soon<void> =>
    andThen(store.read(read), (rows) => {
      if (rows.length === 0) absent?.()
      rows.forEach(take)
    })

  function load({ entity, id, seq: at }: Change): Soon<void> {
    const absent = () => drop[entity]?.(id)
    switch (entity) {
      case 'agent':
        return into(agentById(id), put.agent, absent)
      case 'credential':
        return into(credentialById(id), put.credential, absent)
      case 'server':
        return into(serverById(id), put.server, absent)
      case 'registration':
        return into(registrationById(id), put.registration, absent)
      case 'resource_type':
        return into(resourceTypeByEntityId(id), put.resource_type, absent)
      case 'signing_key':
        return into(signingKeyById(id), put.signing_key, absent)
      case 'trust_anchor':
        return into(trustAnchorById(id), put.trust_anchor, absent)
      case 'standing_root':
        return into(grantById(id), put.standing_root)
      case 'revocation':
        return into(revocationBySeq(at), put.revocation)
    }
  }

  const take = (change: Change): Soon<void> =>
    andThen(load(change), () => {
      seq = change.seq
      revision += 1
      computed.clear()
    })

  /** Worked out once between two changes. */
  const derived = (name: string, derive: () => ScopeSet): ScopeSet => {
    const known = computed.get(name) ?? derive()
    computed.set(name, known)
    return known
  }

  const readTime = (): Soon<void> =>
    into(newestHeadTime, (at) => {
      committedAt = Math.max(committedAt, at)
    })

  const catching = oneAtATime(() => {
    behind = true
    return andThen(store.read(changesAfter(seq)), (changes) =>
      andThen(inTurn([...changes.map((change) => () => take(change)), readTime]), () => {
        behind = false
      }),
    )
  })

  const live: LiveState = {
    get seq() {
      return seq
    },
    get committedAt() {
      return committedAt
    },
    get revision() {
      return revision
    },
    agents,
    credentials,
    servers,
    registrations,
    resourceTypes,
    signingKeys,
    trustAnchors,
    rootsOf: (agentId) => roots.get(agentId)?.values() ?? none,
    agent: (id) => agents.get(id),
    credential: (id) => credentials.get(id),
    server: (id) => servers.get(id),
    revocations: (key) => revocations.get(key) ?? none,
    resourceType: (orgId, type) => reserved(orgId, type) ?? resourceTypes.get(`${orgId}/${type}`),
    tools: (orgId) => derived(`tools of ${orgId}`, () => toolsOf(orgId, servers.values())),
    ceilingOf: ({ orgId, ceiling, computedCeiling }) =>
      computedCeiling ? derived(orgId, () => wholeCeiling(orgId, resourceTypes)) : ceiling,
    agentByName: (orgId, name) => agents.get(agentIds.get(`${orgId}/${name}`) ?? ''),
    serverByName: (orgId, name) => servers.get(serverIds.get(`${orgId}/${name}`) ?? ''),
    credentialBySecret: (hash) => credentials.get(secretHashes.get(hash) ?? ''),
    grant: (id) => {
      const known = grants.get(id)
      if (known !== undefined) return known
      return andThen(store.read(grantById(id)), ([grant]) => {
        if (grant !== undefined) grants.set(id, grant)
        return grant
      })
    },
    rememberToken: (key, token) => void tokens.set(key, token),
    tokenByText: (key) => tokens.get(key),
    refresh: () =>
      andThen(store.changedElsewhere(), (changed) =>
        changed || behind || catching.isRunning() ? catching.run() : undefined,
      ),
    catchUp: catching.run,
  }

  const everything = [
    () => into(allAgents, put.agent),
    () => into(allCredentials, put.credential),
    () => into(allServers, put.server),
    () => into(allRegistrations, put.registration),
    () => into(allResourceTypes, put.resource_type),
    () => into(allSigningKeys, put.signing_key),
    () => into(allTrustAnchors, put.trust_anchor),
    () => into(standingRoots, put.standing_root),
    () => into(allRevocations, put.revocation),
    () => into(lostRevocations, put.revocation),
  ]
  return andThen(store.read(newestOfAllChanges), ([newest]) =>
    andThen(inTurn(everything), () => {
      seq = newest ?? 0
      return andThen(catching.run(), () => live)
    }),
  )
}

const none: readonly never[] = []
