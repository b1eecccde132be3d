// A whole Remit on a store of its own, with a clock that the test moves: one organisation with its
// administrator and this server registered. Everything goes when the test that asked for it ends.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { createAuditBuffer } from '../../src/authority/audit-buffer.ts'
import { createCommitter } from '../../src/authority/committer.ts'
import type { Context, Settings } from '../../src/authority/context.ts'
import { createKeyRing } from '../../src/authority/key-ring.ts'
import { openLiveState } from '../../src/authority/live.ts'
import type { Presented } from '../../src/authority/presented.ts'
import type { RegistrationFile } from '../../src/authority/registration-file.ts'
import { registerServer } from '../../src/authority/register-server.ts'
import { authMethods } from '../../src/core/agent.ts'
import type { Agent } from '../../src/core/agent.ts'
import type { Refusal } from '../../src/core/refusal.ts'
import { parseScopes } from '../../src/core/scope.ts'
import { makeAgentSecret } from '../../src/authority/new-secrets.ts'
import { signRegistrationProof } from '../../src/crypto/registration-proof.ts'
import type { Inputs, Operation } from '../../src/operations/operation.ts'
import { perform } from '../../src/operations/perform.ts'
import type { Request } from '../../src/operations/perform.ts'
import { putAgent } from '../../src/store/agents.ts'
import { putCredential } from '../../src/store/credentials.ts'
import { insertOrg } from '../../src/store/facts.ts'
import { openStore } from '../../src/store/engine.ts'
import type { Place } from '../../src/store/engine.ts'
import { putResourceType, sinceThisChange } from '../../src/store/resource-types.ts'
import type { Store, Value } from '../../src/store/store.ts'
import { takeBeginning, idsFrom, keys, quickHashing, start } from './beginning.ts'
import type { Via } from './database.ts'
import { countedIds } from './ids.ts'
import { whenOver } from './shared.ts'

/** An agent and what it proves itself with. */
export interface Holder {
  readonly id: string
  readonly name: string
  readonly credentialId: string
  readonly secret: string
  readonly presented: Presented
}

export interface WorldOptions {
  readonly settings?: Partial<Settings>
  /** `false` leaves this server's registration credential unredeemed. */
  readonly registered?: boolean
  readonly issuer?: string
  /** On PostgreSQL: `false` trusts notifications, as servers do that were not told otherwise. */
  readonly strict?: false
  /** On PostgreSQL: the way that processes take to the database. */
  readonly via?: Via
}

export type World = Awaited<ReturnType<typeof world>>

const hearing = { strict: false }

export async function world(options: WorldOptions = {}) {
  const home = mkdtempSync(join(tmpdir(), 'remit-world-'))
  const { database: begun, issuer, first } = await takeBeginning(options.issuer)
  const database = await begun.copyTo(home, options.via)
  const place = (): Place => ({ ...database.place(), ...(options.strict === false && hearing) })
  const newId = countedIds(idsFrom)
  const hashing = quickHashing()
  const damaged: string[] = []
  const opening = {
    keys: () => keys,
    hashOf: auditHash,
    onDamage: (sql: string) => void damaged.push(sql),
  }
  const opened: Store[] = []
  const contexts: Context[] = []
  let time = start
  const now = () => time

  whenOver(async () => {
    for (const { audit, committer } of contexts) {
      await audit.flush().catch(() => undefined)
      await committer.idle()
    }
    for (const store of opened) await store.close()
    database.drop()
    rmSync(home, { recursive: true, force: true })
  })

  const context = await startProcess()
  const registration = JSON.parse(first.registrationFile) as RegistrationFile
  const admin = holderOf('admin', first.adminFile)
  const local = holderOf('local', first.localFile)
  /** One more process on the same store, with its own live state. */
  async function startProcess(settings: Partial<Settings> = {}): Promise<Context> {
    const { store, facts } = await openStore(place(), opening)
    opened.push(store)
    const live = await openLiveState(store)
    const committer = createCommitter(store, live, now)
    const made: Context = {
      now,
      newId,
      store,
      live,
      keys,
      ring: createKeyRing(live, keys),
      committer,
      audit: createAuditBuffer(committer),
      hashing,
      settings: { ...defaults, home, ...options.settings, ...settings },
      self: { ...facts, serverId: first.serverId, orgId: first.orgId },
      log: { warn: () => undefined, error: () => undefined },
    }
    contexts.push(made)
    return made
  }

  /** A proof by this server's key, good once. */
  const proof = (change: Partial<Parameters<typeof signRegistrationProof>[0]> = {}): string =>
    signRegistrationProof({
      privateJwk: registration.private_jwk,
      serverName: 'remit',
      credentialId: registration.credential_id,
      audience: issuer,
      now: time,
      jti: newId('evt'),
      ...change,
    })

  /** What this server presents at its first start. */
  const registering = () => ({
    presentedSecret: registration.secret,
    presentedProof: proof(),
    name: 'remit',
    version: '1',
    publicJwk: publicJwk(registration.private_jwk),
    tools: [],
  })

  if (options.registered !== false) await registerServer(context, registering())

  /** An agent with a secret of its own; `traits` may name another organisation. */
  async function addAgent(
    name: string,
    ceiling: string,
    traits: Partial<Agent> = {},
  ): Promise<Holder> {
    const scopes = parseScopes(ceiling)
    if (scopes === undefined) throw new Error(`Not scopes: ${ceiling}`)
    const agent: Agent = {
      id: newId('agt'),
      orgId: first.orgId,
      name,
      description: `The agent ${name}.`,
      owner: 'tests',
      ceiling: scopes,
      computedCeiling: false,
      sensitivity: 'normal',
      authMethods,
      rotationDays: 30,
      status: 'active',
      createdAt: time,
      version: 1,
      ...traits,
    }
    const secret = await makeAgentSecret({ keys, hashing, newId, now: time }, agent)
    await write([putAgent(agent), putCredential(secret.record)])
    return holderOf(name, secret.fileText)
  }

  /** A second tenant with an administrator of its own. */
  async function addOrg(name: string): Promise<{ readonly orgId: string; readonly admin: Holder }> {
    const orgId = newId('org')
    await write([insertOrg({ id: orgId, name }, time)])
    return { orgId, admin: await addAgent('admin', '', { orgId, computedCeiling: true }) }
  }

  async function addType(type: string, operations: readonly string[], orgId = first.orgId) {
    const since = new Map(operations.map((each) => [each, sinceThisChange]))
    const record = { orgId, type, description: '', operations: since, createdAt: time }
    await write([putResourceType({ ...record, ownerId: first.adminId })])
  }

  async function write(writes: Parameters<Context['committer']['submit']>[0]['writes']) {
    const outcome = await context.committer.submit({ writes, events: [] })
    if (outcome !== 'committed') throw new Error('The write did not hold.')
  }

  /** Runs an operation as an agent, through the one path that every call takes. */
  const call = <Input extends Inputs, Result extends object>(
    operation: Operation<Input, Result>,
    args: Record<string, unknown> = {},
    as: Holder | Presented = admin,
    request: Partial<Request> & { readonly in?: Context } = {},
  ) => {
    const { in: where = context, ...rest } = request
    const environment = 'presented' in as ? as.presented : as
    return perform(where, operation as unknown as Operation, {
      arguments: args,
      environment,
      ...rest,
    })
  }

  /** The same where the result is what matters; a refusal fails the test. */
  const allowed = async <Input extends Inputs, Result extends object>(
    ...args: Parameters<typeof call<Input, Result>>
  ): Promise<Result> => {
    const answer = await call(...args)
    if (answer.ok) return answer.result as Result
    throw answer.refusal
  }

  /** The same where a refusal is expected. */
  const refusal = async <Input extends Inputs, Result extends object>(
    ...args: Parameters<typeof call<Input, Result>>
  ): Promise<Refusal> => {
    const answer = await call(...args)
    if (!answer.ok) return answer.refusal
    throw new Error(`It was allowed: ${JSON.stringify(answer.result)}`)
  }

  return {
    home,
    issuer,
    context,
    orgId: first.orgId,
    serverId: first.serverId,
    registration,
    admin,
    local,
    /** Queries that met a row with a wrong MAC. */
    damaged,
    now,
    pass: (seconds: number) => {
      time += seconds
    },
    startProcess,
    proof,
    registering,
    addAgent,
    addOrg,
    addType,
    write,
    call,
    result: allowed,
    refusal,
    /** Writes past every rule, as whoever holds the database could. */
    tamper: (sql: string, ...values: readonly Value[]) => database.run(sql, values),
    /** The first column of the first row. */
    read: (sql: string) => database.first(sql),
    /** All rows of all tables, by table. */
    tables: database.tables,
  }
}

function holderOf(name: string, file: string): Holder {
  const { agent_id, credential_id, secret } = JSON.parse(file) as Record<string, string>
  if (agent_id === undefined || credential_id === undefined || secret === undefined) {
    throw new Error('Not a credential file.')
  }
  return {
    id: agent_id,
    name,
    credentialId: credential_id,
    secret,
    presented: { kind: 'secret', agentId: agent_id, presentedSecret: secret },
  }
}

const publicJwk = ({ kty, crv, x }: RegistrationFile['private_jwk']) => ({ kty, crv, x })

const defaults: Omit<Settings, 'home'> = {
  tokenMax: 3600,
  grantMax: 86_400,
  actAs: 'optional',
  delivery: ['handle', 'meta', 'file', 'handoff', 'sealed', 'inline'],
  auditChecks: 'batched',
  maxChildren: 1000,
  maxGrantsPerRoot: 10_000,
  version: '1',
  localFiles: true,
  warnings: [],
}
