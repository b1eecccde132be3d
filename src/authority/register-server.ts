// How an MCP server registers (authority: 27): by a registration credential, once and in time, which
// binds it to the server's own key; from then on that key alone proves updates and later starts. No
// agent's authority is needed or accepted here.

import { isName } from '../core/name.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import type { McpServer } from '../core/state.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'
import type { PublicJwk } from '../crypto/public-key.ts'
import { verifyRegistrationProof } from '../crypto/registration-proof.ts'
import { secretKindOf } from '../crypto/secret.ts'
import { spendProof } from '../store/idempotency.ts'
import { unrestrictedSince } from '../store/revocations.ts'
import { putRegistration, putServer, recordSighting } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import type { Context } from './context.ts'
import { refusedRegistration, registered } from './registration-events.ts'

export interface RegisterServer {
  /** Present to redeem; later calls are proven by the bound key alone. */
  readonly presentedSecret?: string
  readonly presentedProof: string
  readonly name: string
  readonly version: string
  readonly publicJwk: unknown
  readonly tools: McpServer['tools']
}

export interface Registered {
  readonly server_id: string
  readonly registered_at: number
}

/** What the proof shows: this key, for this server name and credential, now. */
interface Proven {
  readonly credentialId: string
  readonly serverName: string
  readonly thumbprint: string
  readonly jwk: PublicJwk
  readonly spend: Write
}

const attempts = 5

/** Registers, updates or reports alive. Throws a `Refusal`, recorded; nothing changes then. */
export async function registerServer(
  context: Context,
  request: RegisterServer,
): Promise<Registered> {
  let known: Registration | undefined
  try {
    requireClass(request.presentedSecret)
    requireNamedTools(request.tools)
    const proven = await prove(context, request)
    for (let attempt = 0; attempt < attempts; attempt++) {
      await context.live.refresh()
      known = registrationMeant(context, request, proven)
      const done = decide(context, request, proven, known)
      const events = [registered(context, known, done.server)]
      if ((await context.committer.submit({ writes: done.writes, events })) === 'committed') {
        return { server_id: done.server.id, registered_at: done.server.registeredAt }
      }
    }
    throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
  } catch (error) {
    if (error instanceof Refusal) await refusedRegistration(context, known, error)
    throw error
  }
}

function requireClass(presentedSecret: string | undefined): void {
  if (presentedSecret === undefined) return
  const kind = secretKindOf(presentedSecret)
  if (kind === 'registration') return
  throw kind === undefined ? stranger() : new Refusal('wrong_credential_class')
}

/** Tools live under `tool/<server>/<name>`, so that each needs a name of its own (authority: 28). */
function requireNamedTools(tools: McpServer['tools']): void {
  const names = tools.map(({ name, scope_name: scopeName }) => scopeName ?? name)
  if (names.every(isName) && new Set(names).size === names.length) return
  throw new Refusal('invalid_request', {
    message: 'Each tool needs a name or scope_name of its own that can stand in a scope.',
    remedy: { text: 'Give such tools a scope_name of a-z, 0-9, dot, dash and underscore.' },
  })
}

async function prove(context: Context, request: RegisterServer): Promise<Proven> {
  const { self, now } = context
  const checked = checkPublicJwk(request.publicJwk)
  if (!checked.ok) throw badKey()
  const proof = await verifyRegistrationProof(request.presentedProof, {
    publicJwk: checked.key.jwk,
    audience: self.issuer,
    now: now(),
  })
  if (!proof.ok) throw proof.reason === 'unsupported_algorithm' ? badKey() : stranger()
  const { credentialId, serverName, thumbprint, jti, freshUntil } = proof
  const spend = spendProof(`registration/${thumbprint}/${jti}`, freshUntil)
  return { credentialId, serverName, thumbprint, jwk: checked.key.jwk, spend }
}

/** By the secret where one is presented, else by the key that the credential is bound to. */
function registrationMeant(
  { live, keys }: Context,
  { presentedSecret }: RegisterServer,
  { credentialId, thumbprint }: Proven,
): Registration {
  if (presentedSecret === undefined) {
    const named = live.registrations.get(credentialId)
    if (named?.thumbprint === thumbprint) return named
    // Anyone can name a credential: with neither its secret nor its key that is a stranger.
    throw stranger(named?.status === 'bound' ? 'second_server_key' : undefined)
  }
  const hash = keyedHash(keys.secrets, presentedSecret).toString('base64url')
  const found = [...live.registrations.values()].find((each) => each.secretHash === hash)
  if (found === undefined) throw stranger()
  return found
}

function decide(
  context: Context,
  request: RegisterServer,
  proven: Proven,
  registration: Registration,
) {
  const server = context.live.server(registration.serverId)
  const isFor = server?.name === request.name && proven.serverName === request.name
  if (server === undefined || !isFor || proven.credentialId !== registration.id) {
    throw dead('The registration credential is for another server, or the proof for another one.')
  }
  if (server.status === 'revoked' || registration.status === 'revoked') {
    throw dead('The registration of this server was revoked or replaced.')
  }
  if (registration.status === 'bound' && registration.thumbprint !== proven.thumbprint) {
    throw dead('The registration is bound to another key.', 'second_server_key')
  }
  const now = context.now()
  if (registration.status === 'pending' && registration.expiresAt <= now) {
    throw dead('The registration credential has expired.')
  }
  const next = updated(server, request, proven, now)
  const writes = [
    unrestrictedSince([revocationKey('server', server.id)], context.live.seq),
    proven.spend,
    ...(registration.status === 'pending' ? redeem(context, registration, proven, now) : []),
    ...(isSame(server, next) ? [] : [putServer(next)]),
    recordSighting(server.id, now),
  ]
  return { server: next, writes }
}

/** Binds the credential to the key; whatever was bound or pending before ends at this moment. */
function redeem(
  { live }: Context,
  registration: Registration,
  { thumbprint }: Proven,
  now: number,
): Write[] {
  const others = [...live.registrations.values()].filter(
    ({ id, serverId, status }) =>
      serverId === registration.serverId && id !== registration.id && status !== 'revoked',
  )
  const version = registration.version + 1
  return [
    putRegistration({ ...registration, status: 'bound', thumbprint, redeemedAt: now, version }),
    ...others.map((other) =>
      putRegistration({ ...other, status: 'revoked', version: other.version + 1 }),
    ),
  ]
}

const updated = (
  server: McpServer,
  { version, tools }: RegisterServer,
  { jwk }: Proven,
  now: number,
) => ({
  ...server,
  version,
  tools,
  status: 'active' as const,
  publicJwk: JSON.stringify(jwk),
  registeredAt: server.registeredAt ?? now,
  recordVersion: server.recordVersion + 1,
})

const isSame = (a: McpServer, b: McpServer): boolean =>
  a.version === b.version &&
  a.status === b.status &&
  a.publicJwk === b.publicJwk &&
  JSON.stringify(a.tools) === JSON.stringify(b.tools)

const badKey = (): Refusal =>
  new Refusal('invalid_request', {
    message: 'public_jwk is not a public key that a server may register with.',
    remedy: { text: 'Use an Ed25519 key, or P-256 with ES256, without private members.' },
  })

const remedy = {
  text: 'Register with an unredeemed registration credential, or by the key that is bound to it.',
}

/** The same words whatever was wrong. */
const stranger = (finding?: string): Refusal =>
  new Refusal('invalid_client', { remedy, ...(finding !== undefined && { finding }) })

const dead = (message: string, finding?: string): Refusal =>
  new Refusal('invalid_client', { message, remedy, ...(finding !== undefined && { finding }) })
