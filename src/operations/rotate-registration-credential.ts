// A new registration credential for a registered MCP server. The present key stays good until the new
// credential is redeemed, which binds a new key and ends the old one at that moment.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import type { Registration } from '../store/servers.ts'
import { delivered, delivery, seconds, serverRef, time } from './fields.ts'
import { invite, inviteAgain, registrationsOf } from './inviting.ts'
import { findServer, requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

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
  handle: (asked, call) => {
    requireRootOrCredential(call)
    const server = serverMeant(asked, call)
    const old = newestOf(server, call, 'bound') ?? newestOf(server, call, 'pending')
    if (old === undefined) {
      throw ended('The server has no registration credential to rotate.', server, call)
    }
    const { made, kind, writes, handOut } = invite(call, server, asked, old.id)
    return {
      result: {
        credential_id: made.id,
        old_credential_id: old.id,
        expires_at: made.expiresAt,
        ...(call.dryRun && { dry_run: true }),
      },
      writes,
      target: server.id,
      detail: { credential_id: made.id, old_credential_id: old.id, delivery: kind },
      ...(!call.dryRun && { handOut }),
    }
  },
  repeat: inviteAgain,
})

function serverMeant(asked: z.output<typeof input>, call: Call): McpServer {
  const server = findServer(call, asked.server)
  if (server === undefined) throw unknown('server')
  if (server.status !== 'revoked') return server
  throw ended('The server was revoked.', server, call)
}

const ended = (message: string, { id }: McpServer, { context }: Call): Refusal =>
  new Refusal('conflict', {
    message,
    remedy:
      id === context.self.serverId
        ? { text: 'Whoever has the host can run `remit init --recover`.' }
        : {
            text: 'Invite it again, under a name that is free.',
            operation: 'issue_registration_credential',
          },
  })

const newestOf = (server: McpServer, call: Call, wanted: Registration['status']) =>
  registrationsOf(server, call)
    .filter(({ status }) => status === wanted)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1))[0]
