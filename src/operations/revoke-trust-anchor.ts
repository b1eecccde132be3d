// revoke_trust_anchor: from the next call on no certificate is believed under that authority, for good. Grants
// that agents made by its certificates end with their credentials, not with this.

import * as z from 'zod'
import { putTrustAnchor } from '../store/trust-anchors.ts'
import * as field from './fields.ts'
import { requireRootOrCredential, unknown } from './may.ts'
import { defineOperation } from './operation.ts'

export const revokeTrustAnchor = defineOperation({
  name: 'revoke_trust_anchor',
  title: 'Revoke a trust anchor',
  summary: 'Ends the belief in a certification authority and all its certificates.',
  permission: 'credentials:revoke',
  needs: () => 'credentials:revoke',
  effect: 'destroy',
  spendsUse: true,
  input: z.object({ anchor: field.name.or(field.id('anc')), cause: field.cause }),
  output: z.object({ revoked_at: field.time, dry_run: z.boolean().optional() }),
  handle: ({ anchor: named, cause }, call) => {
    requireRootOrCredential(call)
    const { context, caller, now } = call
    const anchor = [...context.live.trustAnchors.values()].find(
      ({ id, name, orgId }) => orgId === caller.orgId && (id === named || name === named),
    )
    if (anchor === undefined) throw unknown('anchor')
    const isOver = anchor.status === 'revoked'
    const { version } = anchor
    return {
      result: { revoked_at: now, ...(call.dryRun && { dry_run: true }) },
      writes: isOver
        ? []
        : [putTrustAnchor({ ...anchor, status: 'revoked', version: version + 1 })],
      target: anchor.id,
      detail: { cause },
    }
  },
})
