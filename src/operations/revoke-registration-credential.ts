// Ends the registration of an MCP server and with it the server. For this very server that is the stop
// of every process: the next call is `unavailable`.

import * as z from 'zod'
import { endServer, revokedAt } from './ending-server.ts'
import { cause, serverRef, time } from './fields.ts'
import { findServer, requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'

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
    const { live } = call.context
    const before = revokedAt(server, live)
    return {
      result: { revoked_at: before ?? call.now, ...(call.dryRun && { dry_run: true }) },
      writes: before === undefined ? endServer(server, input.cause, live, call.now) : [],
      target: server.id,
      detail: { cause: input.cause },
    }
  },
})
