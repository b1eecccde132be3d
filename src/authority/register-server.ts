// How an MCP server registers (authority: 27): by a registration credential, once and in time, which
// binds it to the server's own key; from then on that key alone proves updates and later starts. No
// agent's authority is needed or accepted here.

import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import type { McpServer, ResourceType } from '../core/state.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { putResourceType } from '../store/resource-types.ts'
import { unrestrictedSince } from '../store/revocations.ts'
import { putRegistration, putServer, recordSighting } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import { audienceName } from './audience.ts'
import { secretHash } from './by-secret.ts'
import type { Context } from './context.ts'
import { requireNamedTools, withdraw } from './declared-tools.ts'
import { addedOperations, declareType } from './declared-type.ts'
import { provenKey, registrationMeant } from './proven-registration.ts'
import type { ByServer, Proven } from './proven-registration.ts'
import { assertRegistered } from './registration.ts'
import { refusedServer, registered } from './registration-events.ts'
import { deadServer } from './server-refusals.ts'

export interface RegisterServer {
  /** The registration credential, to redeem it; later calls are proven by the bound key alone. */
  readonly presentedSecret?: string
  readonly presentedProof?: string
  /** The management token, which stands for the bound key over HTTP. */
  readonly presentedToken?: string
  readonly name: string
  readonly version: string
  readonly publicJwk: unknown
  readonly tools: McpServer['tools']
  readonly resourceTypes?: readonly {
    readonly type: string
    readonly operations: readonly string[]
  }[]
  /** Passes everything and is recorded, but changes nothing except that its proof is used up. */
  readonly dryRun?: boolean
  /** Hands out a management token, which takes the place of any before (RFC 7592 §3). */
  readonly wantsToken?: true
}

export interface Registered {
  readonly server_id: string
  readonly registered_at: number
  /** Names this server in tokens that are for it. */
  readonly audience: string
}

const attempts = 5

/** Registers, updates or reports alive. Throws a `Refusal`, recorded; nothing changes then. */
export async function registerServer(
  context: Context,
  request: RegisterServer,
): Promise<{ readonly result: Registered; readonly token?: Secret }> {
  let known: Registration | undefined
  try {
    const presented = presentedBy(request)
    const proven = await provenKey(context, presented, request.publicJwk)
    requireNamedTools(request.tools)
    requireDistinctTypes(request.resourceTypes)
    const token = request.wantsToken === true ? newSecret('management_token') : undefined
    for (let attempt = 0; attempt < attempts; attempt++) {
      await context.live.refresh()
      known = registrationMeant(context, presented, proven)
      const { server, seq, writes } = decide(context, request, proven, known, token)
      const servers = [server.id, context.self.serverId]
      const guard = unrestrictedSince(
        servers.map((id) => revocationKey('server', id)),
        seq,
      )
      const events = [registered(context, known, server, request.dryRun === true)]
      const all = [guard, ...proven.spend, ...(request.dryRun === true ? [] : writes)]
      // A server that starts on a full disk may be the one to revoke.
      const isThisOne = server.id === context.self.serverId
      const unit = { writes: all, events, ...(isThisOne && { reserved: 'revocations' as const }) }
      if ((await context.committer.submit(unit)) === 'committed') {
        const registeredAt = server.registeredAt ?? context.now()
        const audience = audienceName(context, server.id)
        const result = { server_id: server.id, registered_at: registeredAt, audience }
        return { result, ...(token !== undefined && { token }) }
      }
    }
    throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
  } catch (error) {
    if (error instanceof Refusal) {
      await refusedServer(context, 'register_mcp_server', known, error)
    }
    throw error
  }
}

function presentedBy(request: RegisterServer): ByServer {
  const { presentedSecret, presentedProof = '', presentedToken } = request
  if (presentedToken !== undefined) {
    return { kind: 'management_token', presentedSecret: presentedToken }
  }
  return presentedSecret === undefined
    ? { kind: 'server_proof', presentedProof }
    : { kind: 'registration', presentedSecret, presentedProof }
}

/** What shall be, on the present state; refuses what the registration does not allow. */
function decide(
  context: Context,
  request: RegisterServer,
  proven: Proven,
  registration: Registration,
  token: Secret | undefined,
) {
  const { live, self } = context
  const server = serverOf(context, request, proven, registration)
  if (server.id !== self.serverId) assertRegistered(context)
  const now = context.now()
  const next = updated(server, request, proven, now)
  const management =
    token === undefined ? {} : { managementHash: secretHash(context, token.reveal()) }
  const redeems = registration.status === 'pending'
  const bound: Registration = {
    ...registration,
    ...(redeems && { status: 'bound', thumbprint: proven.thumbprint, redeemedAt: now }),
    ...management,
    version: registration.version + 1,
  }
  const writes: Write[] = [
    ...(redeems || token !== undefined ? [putRegistration(bound)] : []),
    ...(redeems ? endOthers(context, registration) : []),
    ...(isSame(server, next) ? [] : [putServer(next)]),
    ...withdraw(server, next.tools, now),
    ...typesOf(context, request, server, registration, now),
    recordSighting(server.id, now),
  ]
  return { server: next, seq: live.seq, writes }
}

/** The server that this registration is for, where it still holds under this key. */
function serverOf(
  { live, now }: Context,
  { name }: RegisterServer,
  { serverName = name, credentialId, thumbprint }: Proven,
  registration: Registration,
): McpServer {
  const server = live.server(registration.serverId)
  const isFor = server?.name === name && serverName === name
  if (server === undefined || !isFor || (credentialId ?? registration.id) !== registration.id) {
    throw deadServer(
      'The registration credential is for another server, or the proof for another one.',
    )
  }
  if (server.status === 'revoked' || registration.status === 'revoked') {
    throw deadServer('The registration of this server was revoked or replaced.')
  }
  if (registration.status === 'bound' && registration.thumbprint !== thumbprint) {
    throw deadServer('The registration is bound to another key.', 'second_server_key')
  }
  if (registration.status === 'pending' && registration.expiresAt <= now()) {
    throw deadServer('The registration credential has expired.')
  }
  return server
}

/** Whatever was bound or pending before ends at the moment at which another one is redeemed. */
const endOthers = ({ live }: Context, { id, serverId }: Registration): Write[] =>
  [...live.registrations.values()]
    .filter((each) => each.serverId === serverId && each.id !== id && each.status !== 'revoked')
    .map((each) => putRegistration({ ...each, status: 'revoked', version: each.version + 1 }))

function requireDistinctTypes(types: RegisterServer['resourceTypes'] = []): void {
  if (new Set(types.map(({ type }) => type)).size === types.length) return
  throw new Refusal('invalid_request', { message: 'Each resource type can be named once only.' })
}

/** Types that are new, or that have new operations; the server owns what it registers first. */
const typesOf = (
  { live }: Context,
  { resourceTypes = [] }: RegisterServer,
  { id: ownerId, orgId }: McpServer,
  { id: createdUnder }: Registration,
  createdAt: number,
): Write[] =>
  resourceTypes.flatMap((declared) => {
    const known = live.resourceType(orgId, declared.type)
    const type: ResourceType = declareType(
      { ...declared, orgId, ownerId, createdAt, createdUnder },
      known,
    )
    return addedOperations(type).length === 0 ? [] : [putResourceType(type, known)]
  })

const updated = (
  server: McpServer,
  { version, tools }: RegisterServer,
  { jwk }: Proven,
  now: number,
): McpServer => ({
  ...server,
  version,
  tools,
  status: 'active',
  publicJwk: JSON.stringify(jwk),
  registeredAt: server.registeredAt ?? now,
  recordVersion: server.recordVersion + 1,
})

const isSame = (a: McpServer, b: McpServer): boolean =>
  a.version === b.version &&
  a.status === b.status &&
  a.publicJwk === b.publicJwk &&
  JSON.stringify(a.tools) === JSON.stringify(b.tools)
