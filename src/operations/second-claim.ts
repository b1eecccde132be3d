// A second claim that is no retry: somebody else has the code. What was handed over ends, and nothing
// above it; the finding says so in the audit.

import type { Context } from '../authority/context.ts'
import { revoked } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import type { Handoff } from '../store/handoffs.ts'
import { putCredential } from '../store/credentials.ts'
import { insertRevocation } from '../store/revocations.ts'
import type { Write } from '../store/store.ts'
import type { Call, Outcome } from './operation.ts'

/** Refuses, and commits the end of what was handed over together with the refusal's event. */
export const endHandedOver = (call: Call, handoff: Handoff): Outcome<{ agent_id: string }> => ({
  result: { agent_id: handoff.recipientId },
  writes: endingWrites(call.context, handoff, call.now),
  target: handoff.id,
  refusal: claimedBefore(call),
})

export const claimedBefore = ({ dryRun }: Pick<Call, 'dryRun'>): Refusal =>
  new Refusal('handoff_already_claimed', {
    message: dryRun
      ? 'This handoff was claimed before; a second claim would revoke what it handed over.'
      : 'This handoff was claimed before; what it handed over has been revoked.',
    remedy: { text: 'Find out who claimed it; then have a new one made.' },
    finding: 'second_claim',
  })

export function endingWrites({ live }: Context, handoff: Handoff, now: number): readonly Write[] {
  const cut = (kind: 'grant' | 'credential', target: string): Write =>
    insertRevocation({
      orgId: handoff.orgId,
      kind,
      target,
      within: [],
      cause: 'second claim of a handoff',
      at: now,
    })
  if (handoff.kind === 'token') return [cut('grant', handoff.grantId ?? '')]
  const credential = live.credential(handoff.credentialId ?? '')
  if (credential === undefined || credential.recordedStatus === 'revoked') return []
  return [putCredential(revoked(credential)), cut('credential', credential.id)]
}
