// A new registration credential for a registered MCP server. The present key stays good until the new
// credential is redeemed, which binds a new key and ends the old one at that moment.

import * as z from 'zod'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { generateRegistrationKey } from '../crypto/registration-proof.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import { putRegistration } from '../store/servers.ts'
import type { Registration } from '../store/servers.ts'
import { chooseDelivery, handOutSecret } from './delivery.ts'
import { delivered, delivery, seconds, serverRef, time } from './fields.ts'
import { findServer, requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'

const defaultTtl = 600

const input = z.strictObject({
  server: serverRef,
  ttl_seconds: seconds.optional().describe('How long it can be redeemed; default 600.'),
  delivery: delivery.optional(),
})

const output = z.object({
  credential_id: z.string(),
  old_credential_id: z.string(),
  expires_at: time,
  delivery: delivered.optional(),
  dry_run: z.boolean().optional(),
})

type Rotated = z.output<typeof output>

export const rotateRegistrationCredential = defineOperation({
  name: 'rotate_registration_credential',
  title: 'Rotate a registration credential',
  summary:
    'A new one-time credential for an MCP server; redeeming it binds a new key and ends the old one at that moment.',
  permission: 'servers:rotate',
  needs: () => 'servers:rotate',
  effect: 'write',
  spendsUse: true,
  input,
  output,
  handle: (asked, call) => rotate(asked, call),
  repeat: (recorded, asked, call) => {
    const present = newestOf(serverMeant(asked, call), call, 'bound')
    if (present?.id === recorded.old_credential_id) {
      const again = rotate(asked, call)
      return { ...again, detail: { ...again.detail, repeated: true } }
    }
    throw new Refusal('conflict', {
      message: 'The credential that was handed out has been redeemed or replaced since.',
      remedy: { text: 'Rotate anew, with a new idempotency key.' },
    })
  },
})

function rotate(asked: z.output<typeof input>, call: Call): Outcome<Rotated> {
  requireRootOrCredential(call)
  const { context, now } = call
  const server = serverMeant(asked, call)
  const kind = chooseDelivery(call, asked.delivery, 'secret')
  if (kind === 'handoff') {
    throw new Refusal('invalid_request', {
      message: 'A server is no agent, so nobody could claim a handoff.',
      remedy: { text: 'Choose another delivery: meta or file.' },
    })
  }
  const old = newestOf(server, call, 'bound') ?? newestOf(server, call, 'pending')
  if (old === undefined) {
    throw new Refusal('conflict', {
      message: 'The server has no registration credential to rotate.',
      remedy: { text: 'Whoever has the host can run `remit init --recover`.' },
    })
  }
  const secret = newSecret('registration')
  const made: Registration = {
    id: context.newId('reg'),
    orgId: server.orgId,
    serverId: server.id,
    secretHash: keyedHash(context.keys.secrets, secret.reveal()).toString('base64url'),
    status: 'pending',
    createdAt: now,
    expiresAt: now + (asked.ttl_seconds ?? defaultTtl),
    rotatedFrom: old.id,
    version: 1,
  }
  const file = fileOf(call, made, secret)
  const handed = handOutSecret(context, kind, secret, file, made.expiresAt)
  return {
    result: {
      credential_id: made.id,
      old_credential_id: old.id,
      expires_at: made.expiresAt,
      ...(call.dryRun && { dry_run: true }),
    },
    writes: [...endPending(server, call), putRegistration(made), ...handed.writes],
    target: server.id,
    detail: { credential_id: made.id, old_credential_id: old.id, delivery: kind },
    ...(!call.dryRun && { handOut: handed.handOut }),
  }
}

function serverMeant(asked: z.output<typeof input>, call: Call): McpServer {
  const server = findServer(call, asked.server)
  if (server === undefined) throw unknown('server')
  if (server.status !== 'revoked') return server
  throw new Refusal('conflict', {
    message: 'The server was revoked.',
    remedy: { text: 'Whoever has the host can run `remit init --recover`.' },
  })
}

const registrationsOf = (server: McpServer, { context }: Call): readonly Registration[] =>
  [...context.live.registrations.values()].filter(({ serverId }) => serverId === server.id)

const newestOf = (server: McpServer, call: Call, wanted: Registration['status']) =>
  registrationsOf(server, call)
    .filter(({ status }) => status === wanted)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1))[0]

/** One that is still waiting to be redeemed is worth nothing once a newer one was made. */
const endPending = (server: McpServer, call: Call) =>
  registrationsOf(server, call)
    .filter(({ status }) => status === 'pending')
    .map((each) => putRegistration({ ...each, status: 'revoked', version: each.version + 1 }))

/** What registration.json holds; this server's own comes with a new key, others bring theirs. */
function fileOf({ context }: Call, { id, serverId }: Registration, secret: Secret) {
  const own = serverId === context.self.serverId
  return {
    server_id: serverId,
    credential_id: id,
    secret: secret.reveal(),
    ...(own && { private_jwk: generateRegistrationKey().privateJwk }),
  }
}
