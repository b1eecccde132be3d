// The registration credential that an MCP server is invited with: made, kept as a hash, handed out once.
// One that is still waiting to be redeemed is worth nothing once a newer one was made for its server.

import { audienceName } from '../authority/audience.ts'
import type { DeliveryKind } from '../authority/context.ts'
import { secretHash } from '../authority/by-secret.ts'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import { generateRegistrationKey } from '../crypto/registration-proof.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { putRegistration } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import { chooseDelivery, handOutSecret } from './delivery.ts'
import { requireRootOrCredential } from './may.ts'
import type { Call, Outcome } from './operation.ts'

const defaultTtl = 600

interface Asked {
  readonly ttl_seconds?: number | undefined
  readonly delivery?: DeliveryKind | undefined
}

/** A new credential for a server, with the writes that make it and end those waiting before it. */
export function invite(call: Call, server: McpServer, asked: Asked, rotatedFrom?: string) {
  const { context, caller, now } = call
  const secret = newSecret('registration')
  const made: Registration = {
    id: context.newId('reg'),
    orgId: server.orgId,
    serverId: server.id,
    secretHash: secretHash(context, secret.reveal()),
    status: 'pending',
    createdAt: now,
    expiresAt: now + (asked.ttl_seconds ?? defaultTtl),
    ...(rotatedFrom !== undefined && { rotatedFrom }),
    version: 1,
    createdBy: caller.agent.id,
    createdUnder: caller.acting.grant.id,
  }
  const handed = handOut(call, server, made, secret, asked)
  const waiting = registrationsOf(server, call).filter(({ status }) => status === 'pending')
  return {
    made,
    ...handed,
    writes: [
      ...waiting.map((each) =>
        putRegistration({ ...each, status: 'revoked', version: each.version + 1 }),
      ),
      putRegistration(made),
    ],
  }
}

/**
 * Answers the repeat of a call that handed out a registration credential: a fresh secret of the same one
 * while it waits to be redeemed, else `conflict` (authority: rule 20).
 */
export function inviteAgain<Result extends { readonly credential_id: string }>(
  recorded: Result,
  asked: Asked,
  call: Call,
): Outcome<Result> {
  requireRootOrCredential(call)
  const { live } = call.context
  const known = live.registrations.get(recorded.credential_id)
  const server = live.server(known?.serverId ?? '')
  const isWaiting = known?.status === 'pending' && known.expiresAt > call.now
  if (known === undefined || server === undefined || !isWaiting) {
    throw new Refusal('conflict', {
      message: 'The credential that was handed out has been redeemed, replaced, or has expired.',
      remedy: { text: 'Ask anew, with a new idempotency key.' },
    })
  }
  const secret = newSecret('registration')
  const hash = secretHash(call.context, secret.reveal())
  const renewed = { ...known, secretHash: hash, version: known.version + 1 }
  const { kind, handOut: hand } = handOut(call, server, renewed, secret, asked)
  return {
    result: recorded,
    writes: [putRegistration(renewed)],
    target: server.id,
    detail: { credential_id: known.id, delivery: kind },
    ...(!call.dryRun && { handOut: hand }),
  }
}

export const registrationsOf = (server: McpServer, { context }: Call): readonly Registration[] =>
  [...context.live.registrations.values()].filter(({ serverId }) => serverId === server.id)

function handOut(
  call: Call,
  server: McpServer,
  registration: Registration,
  secret: Secret,
  asked: Asked,
) {
  const kind = chooseDelivery(call, asked.delivery, 'secret')
  if (kind === 'handoff') {
    throw new Refusal('invalid_request', {
      message: 'A server is no agent, so nobody could claim a handoff.',
      remedy: { text: 'Choose another delivery: meta or file.' },
    })
  }
  const file = fileOf(call, server, registration, secret)
  const { handOut: hand } = handOutSecret(call.context, kind, secret, file, registration.expiresAt)
  return { kind, handOut: hand }
}

/** What registration.json holds; this server's own comes with a new key, others bring theirs. */
function fileOf({ context }: Call, server: McpServer, { id }: Registration, secret: Secret) {
  const isOwn = server.id === context.self.serverId
  return {
    server_id: server.id,
    ...(!isOwn && {
      server_name: server.name,
      issuer: context.self.issuer,
      audience: audienceName(context, server.id),
    }),
    credential_id: id,
    secret: secret.reveal(),
    ...(isOwn && { private_jwk: generateRegistrationKey().privateJwk }),
  }
}
