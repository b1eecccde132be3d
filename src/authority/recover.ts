// `remit init --recover`: for whoever has the host and the master key. Gives the administrator a new
// credential and, where this server's registration is expired, lost or revoked, a new one of that too.
// Nothing that exists is revived beyond what is named in the audit.

import type { Config } from '../config.ts'
import { mayAuthenticateBy } from '../core/agent.ts'
import type { Agent } from '../core/agent.ts'
import { newId as newTypeId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import { createHashingQueue } from '../crypto/hashing-queue.ts'
import { putAgent } from '../store/agents.ts'
import { putCredential } from '../store/credentials.ts'
import { orgs } from '../store/facts.ts'
import { openStore } from '../store/engine.ts'
import { StoreProblem } from '../store/problem.ts'
import { putRegistration, putServer } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import type { Store, Write } from '../store/store.ts'
import { auditHash } from './audit-verification.ts'
import { madeEvent, ownServerName } from './first-records.ts'
import { homePaths, placeOf, requirePrivateHome } from './home.ts'
import type { InitOptions } from './init.ts'
import { openLiveState } from './live.ts'
import type { LiveState } from './live.ts'
import { makeAgentSecret, makeRegistration } from './new-secrets.ts'
import { readRegistrationFile } from './registration-file.ts'
import { discardStaged, placeStaged, stage } from './staged-files.ts'
import { unlockBy } from './unlock.ts'

export interface RecoverResult {
  readonly org_id: string
  readonly server_id: string
  readonly admin: {
    readonly agent_id: string
    readonly credential_id: string
    readonly credential_file: string
  }
  readonly registration: 'kept' | 'renewed'
}

/** Refuses with `conflict` where there is no administrator or no server left to recover. */
export async function recoverStore(
  config: Config,
  options: Omit<InitOptions, 'orgName'> = {},
): Promise<RecoverResult> {
  const { newId = newTypeId, now = () => Math.floor(Date.now() / 1000) } = options
  const paths = homePaths(config.home)
  requirePrivateHome(config.home)
  const { store, keys } = await openStore(placeOf(config), {
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: () => undefined,
  })
  const hashing = createHashingQueue({ concurrency: 2, depth: 2 })
  const making = { keys, hashing, newId, now: now() }
  const staged: Staged = { files: new Map(), owner: newId('evt') }
  try {
    const live = await openLiveState(store)
    const { admin, server, registration } = await found(store, live, paths.registration)
    const made = madeEvent(making, admin.orgId, server.id, 'init_recover')
    const secret = await makeAgentSecret(making, admin)
    staged.files.set(paths.adminCredential, secret.fileText)
    const writes: Write[] = [...revive(admin), putCredential(secret.record)]
    const events = [made('credential', secret.record.id)]
    if (writes.length > 1) events.push(made('agent', admin.id))
    const isLost = !isGood(server, registration, making.now)
    if (isLost) {
      const present = [...live.registrations.values()].filter((r) => r.serverId === server.id)
      const bound = present.findLast(({ status }) => status === 'bound')
      const renewed = makeRegistration(making, server, bound?.id)
      staged.files.set(paths.registration, renewed.fileText)
      writes.push(...retire(server, present), putRegistration(renewed.record))
      events.push(made('registration_credential', renewed.record.id))
      if (server.status === 'revoked') events.push(made('server', server.id))
    }
    await commit(store, { writes, events }, making.now, staged)
    return {
      org_id: admin.orgId,
      server_id: server.id,
      admin: {
        agent_id: admin.id,
        credential_id: secret.record.id,
        credential_file: paths.adminCredential,
      },
      registration: isLost ? 'renewed' : 'kept',
    }
  } finally {
    await store.close()
  }
}

interface Staged {
  readonly files: Map<string, string>
  readonly owner: string
}

async function commit(
  store: Store,
  unit: Parameters<Store['commit']>[0][number],
  now: number,
  { files, owner }: Staged,
): Promise<void> {
  const places = [...files.keys()]
  discardStaged(places)
  stage(files, owner)
  const [result] = await store.commit([unit], now)
  if (result?.ok === true) {
    placeStaged(places, owner)
    return
  }
  discardStaged(places, owner)
  if (result?.stale === false) throw result.error
  throw new Refusal('conflict', { message: 'The store changed meanwhile; try again.' })
}

interface Found {
  readonly admin: Agent
  readonly server: McpServer
  /** The one that registration.json names, where that can be read. */
  readonly registration?: Registration
}

async function found(store: Store, live: LiveState, registrationPath: string): Promise<Found> {
  const [org] = await store.read(orgs)
  if (org === undefined) throw new StoreProblem('damaged', 'The store has no organisation.')
  const admins = [...live.agents.values()].filter(
    (agent) => agent.orgId === org.id && agent.computedCeiling && agent.status !== 'retired',
  )
  const admin = admins.find((agent) => agent.status === 'active') ?? admins[0]
  const read = readRegistrationFile(registrationPath)
  const server =
    (read.ok ? live.server(read.file.server_id) : undefined) ??
    live.serverByName(org.id, ownServerName)
  if (admin === undefined || server === undefined) {
    const what = admin === undefined ? 'administrator' : 'record of this server'
    throw new Refusal('conflict', {
      message: `The store holds no ${what} that can be recovered.`,
      remedy: { text: 'Run `remit doctor`; restore a backup if rows were damaged.' },
    })
  }
  const registration = read.ok ? live.registrations.get(read.file.credential_id) : undefined
  const isOurs = registration?.serverId === server.id
  return { admin, server, ...(registration !== undefined && isOurs && { registration }) }
}

/** The administrator must be active, and may prove itself with the secret it is given. */
function revive(admin: Agent): Write[] {
  if (admin.status === 'active' && mayAuthenticateBy(admin, 'secret')) return []
  const authMethods = [...new Set([...admin.authMethods, 'secret' as const])]
  const version = admin.version + 1
  return [putAgent({ ...admin, status: 'active', authMethods, sensitivity: 'normal', version })]
}

function isGood(server: McpServer, registration: Registration | undefined, now: number): boolean {
  if (registration === undefined || server.status === 'revoked') return false
  if (registration.status === 'pending') return registration.expiresAt > now
  return registration.status === 'bound'
}

/** A revoked server waits for its key again; credentials that were never redeemed are revoked. */
function retire(server: McpServer, present: readonly Registration[]): Write[] {
  const { publicJwk: _, ...withoutKey } = server
  const recordVersion = server.recordVersion + 1
  const unused = present.filter(({ status }) => status === 'pending')
  return [
    ...(server.status === 'revoked'
      ? [putServer({ ...withoutKey, status: 'pending', recordVersion })]
      : []),
    ...unused.map((each) =>
      putRegistration({ ...each, status: 'revoked', version: each.version + 1 }),
    ),
  ]
}
