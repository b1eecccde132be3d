// Declares how another MCP server is invited to register. Only this server itself registers here yet.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import { delivered, delivery, name, seconds, time } from './fields.ts'
import { requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Outcome } from './operation.ts'

export const issueRegistrationCredential = defineOperation({
  name: 'issue_registration_credential',
  title: 'Issue a registration credential',
  summary: 'A one-time credential by which one named MCP server may register; not supported yet.',
  permission: 'servers:register',
  needs: () => 'servers:register',
  comesLater: true,
  effect: 'write',
  spendsUse: true,
  input: z.strictObject({
    server_name: name,
    ttl_seconds: seconds.optional().describe('How long it can be redeemed; default 600.'),
    delivery: delivery.optional(),
  }),
  output: z.object({
    credential_id: z.string(),
    expires_at: time,
    delivery: delivered.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: (_input, call): Outcome<{ credential_id: string; expires_at: number }> => {
    requireRootOrCredential(call)
    throw new Refusal('unsupported', {
      message: 'Other MCP servers cannot register here yet: that comes later.',
      remedy: { text: 'Use this server alone for now.', operation: 'server_status', arguments: {} },
    })
  },
})
