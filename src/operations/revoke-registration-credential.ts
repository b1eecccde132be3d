// Ends the registration of an MCP server and with it the server. For this very server that is the stop
// of every process: the next call is `unavailable`.

import * as z from 'zod'
import type { McpServer } from '../core/state.ts'
import { revocationKey } from '../core/revocation.ts'
import { insertRevocation } from '../store/revocations.ts'
import { putRegistration, putServer } from '../store/servers.ts'
import type { Write } from '../store/store.ts'
import { cause, serverRef, time } from './fields.ts'
import { findServer, requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

export const revokeRegistrationCredential = defineOperation({
  name: 'revoke_registration_credential',
  title: 'Revoke a registration',
  summary:
    'Ends an MCP server: its registration credentials, its key and its standing. For this server itself everything stops.',
  permission: 'servers:rotate',
  needs: () => 'servers:rotate',
  effect: 'destroy',
  spendsUse: true,
  input: z.strictObject({ server: serverRef, cause }),
  output: z.object({ revoked_at: time, dry_run: z.boolean().optional() }),
  handle: (input, call) => {
    requireRootOrCredential(call)
    const server = findServer(call, input.server)
    if (server === undefined) throw unknown('server')
    const before = revokedAt(server, call)
    return {
      result: { revoked_at: before ?? call.now, ...(call.dryRun && { dry_run: true }) },
      writes: before === undefined ? revoke(server, input.cause, call) : [],
      target: server.id,
      detail: { cause: input.cause },
    }
  },
})

/** When a server that is revoked already was; that stays as it is. */
function revokedAt(server: McpServer, { context, now }: Call): number | undefined {
  if (server.status !== 'revoked') return undefined
  return context.live.revocations(revocationKey('server', server.id)).at(-1)?.at ?? now
}

function revoke(server: McpServer, why: string, { context, now }: Call): Write[] {
  const registrations = [...context.live.registrations.values()].filter(
    ({ serverId, status }) => serverId === server.id && status !== 'revoked',
  )
  return [
    putServer({ ...server, status: 'revoked', recordVersion: server.recordVersion + 1 }),
    ...registrations.map((each) =>
      putRegistration({ ...each, status: 'revoked', version: each.version + 1 }),
    ),
    insertRevocation({
      orgId: server.orgId,
      kind: 'server',
      target: server.id,
      within: [],
      cause: why,
      at: now,
    }),
  ]
}
