// revoke_credential: ends a credential, and by default every grant that came from it.

import { z } from 'zod'
import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import type { Revocation } from '../core/revocation.ts'
import { putCredential } from '../store/credentials.ts'
import { insertRevocation } from '../store/revocations.ts'
import { whatEnded } from './ended-by.ts'
import * as field from './fields.ts'
import { unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { refuseLastAdmin } from './set-agent-status.ts'
import { credentialMeant, requireRight } from './whose-credential.ts'

export const revokeCredential = defineOperation({
  name: 'revoke_credential',
  title: 'Revoke a credential',
  summary: 'Ends a credential now, with the grants it made unless kill_tokens is false.',
  permission: '· / credentials:revoke',
  ownNeedsCredential: true,
  effect: 'destroy',
  spendsUse: true,
  refusesActAs: 'invalid_request',
  input: z.object({
    credential_id: field.id('crd'),
    kill_tokens: z.boolean().optional().describe('Default true; false retires it in peace.'),
    cause: field.cause,
    count: z.boolean().optional(),
  }),
  output: z.object({
    revoked_at: field.time,
    grants_ended: z.int().optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async ({ credential_id, kill_tokens = true, cause, count }, call) => {
    const { now } = call
    const { credential, agent } = credentialMeant(call, credential_id)
    requireRight(call, agent, 'revoke', unknown('credential'))
    refuseLastCredential(call, credential)
    const cut: Omit<Revocation, 'seq'> = {
      orgId: credential.orgId,
      kind: 'credential',
      target: credential.id,
      within: [],
      cause,
      at: now,
    }
    const wantsCount = count === true || call.dryRun
    const ended = wantsCount && kill_tokens ? (await whatEnded(call, cut)).grants_ended : 0
    const isOver = isAlready(credential, kill_tokens, now)
    return {
      result: {
        revoked_at: now,
        ...(wantsCount && { grants_ended: ended }),
        ...(call.dryRun && { dry_run: true }),
      },
      writes: isOver ? [] : writesFor(credential, cut, kill_tokens),
      target: credential.id,
      detail: { cause, kill_tokens },
    }
  },
  repeat: (recorded, { credential_id }, call) => {
    requireRight(call, credentialMeant(call, credential_id).agent, 'revoke', unknown('credential'))
    return { result: recorded }
  },
})

const isAlready = (credential: Credential, killTokens: boolean, now: number): boolean => {
  const status = credentialStatus(credential, now)
  return status === 'revoked' || (status === 'retired' && !killTokens)
}

const writesFor = (credential: Credential, cut: Omit<Revocation, 'seq'>, killTokens: boolean) => {
  const version = credential.version + 1
  return killTokens
    ? [putCredential({ ...credential, recordedStatus: 'revoked', version }), insertRevocation(cut)]
    : [putCredential({ ...credential, recordedStatus: 'rotated', retiresAt: cut.at, version })]
}

/** The last way in of the last administrator stays (authority: rule 6). */
function refuseLastCredential(call: Call, credential: Credential): void {
  const { live } = call.context
  const agent = live.agent(credential.agentId)
  if (agent?.computedCeiling !== true || agent.status !== 'active') return
  const others = [...live.credentials.values()].filter(
    (other) =>
      other.agentId === agent.id &&
      other.id !== credential.id &&
      other.passwordHash !== undefined &&
      credentialStatus(other, call.now) === 'active',
  )
  if (others.length === 0) refuseLastAdmin(call, agent)
}
