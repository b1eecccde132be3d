// Invites another MCP server: a one-time credential by which the server of that name may register. The
// name is taken from then on, for ever; until it is redeemed a newer invitation replaces the one before.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import { putServer } from '../store/servers.ts'
import { delivered, delivery, name, seconds, time } from './fields.ts'
import { invite, inviteAgain } from './inviting.ts'
import { requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

export const issueRegistrationCredential = defineOperation({
  name: 'issue_registration_credential',
  title: 'Issue a registration credential',
  summary:
    'A one-time credential by which the MCP server of that name may register; again replaces one that was not redeemed.',
  permission: 'servers:register',
  needs: () => 'servers:register',
  effect: 'write',
  spendsUse: true,
  input: z.strictObject({
    server_name: name.describe('What it shall be called: its tools are tool/<this>/….'),
    ttl_seconds: seconds.optional().describe('How long it can be redeemed; default 600.'),
    delivery: delivery.optional(),
  }),
  output: z.object({
    credential_id: z.string(),
    server_id: z.string(),
    expires_at: time,
    delivery: delivered.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: (asked, call) => {
    requireRootOrCredential(call)
    const known = waitingServer(asked.server_name, call)
    const server = known ?? newServer(asked.server_name, call)
    const { made, kind, writes, handOut } = invite(call, server, asked)
    return {
      result: {
        credential_id: made.id,
        server_id: server.id,
        expires_at: made.expiresAt,
        ...(call.dryRun && { dry_run: true }),
      },
      writes: [...(known === undefined ? [putServer(server)] : []), ...writes],
      target: server.id,
      detail: { credential_id: made.id, delivery: kind },
      ...(!call.dryRun && { handOut }),
    }
  },
  repeat: inviteAgain,
})

/** One of this name that never registered; refuses names that are taken. */
function waitingServer(serverName: string, { caller, context }: Call): McpServer | undefined {
  const { live, self } = context
  const known = live.serverByName(caller.orgId, serverName)
  const isOurs = live.server(self.serverId)?.name === serverName
  if (known === undefined && !isOurs) return undefined
  if (known?.status === 'pending' && !isOurs) return known
  const isRevoked = known?.status === 'revoked'
  throw new Refusal('conflict', {
    message: isRevoked
      ? 'The server of this name was revoked, and its name is not given away again.'
      : 'A server of this name is registered.',
    remedy: isRevoked
      ? { text: 'Choose another name.' }
      : {
          text: 'Choose another name, or give that server a new credential.',
          operation: 'rotate_registration_credential',
        },
  })
}

const newServer = (serverName: string, { caller, context, now }: Call): McpServer => ({
  id: context.newId('srv'),
  orgId: caller.orgId,
  name: serverName,
  version: '',
  status: 'pending',
  tools: [],
  createdAt: now,
  recordVersion: 1,
  createdBy: caller.agent.id,
  createdUnder: caller.acting.grant.id,
})
