// revoke_credential: ends a credential, and by default every grant that came from it.

import * as z from 'zod'
import { credentialStatus, revoked } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import type { Revocation } from '../core/revocation.ts'
import { putCredential } from '../store/credentials.ts'
import { insertRevocation } from '../store/revocations.ts'
import { whatEnded } from './ended-by.ts'
import * as field from './fields.ts'
import { requireWayIn } from './last-admin.ts'
import { unknown } from './may.ts'
import { defineOperation } from './operation.ts'
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
    const held = requireWayIn(call, agent, { without: credential.id })
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
      writes: isOver ? [] : [...held.writes, ...writesFor(credential, cut, kill_tokens)],
      guard: held.guard,
      target: credential.id,
      detail: { cause, kill_tokens },
    }
  },
  repeat: (recorded, { credential_id }, call) => {
    requireRight(call, credentialMeant(call, credential_id).agent, 'revoke', unknown('credential'))
    return { result: recorded }
  },
})

/** One that its own rotation ended may still repeat that, until it is revoked as well. */
const isAlready = (credential: Credential, killTokens: boolean, now: number): boolean => {
  const status = credentialStatus(credential, now)
  if (status === 'revoked') return credential.retiresAt === undefined
  return status === 'retired' && !killTokens
}

const writesFor = (credential: Credential, cut: Omit<Revocation, 'seq'>, killTokens: boolean) => {
  const isDead = credential.recordedStatus === 'revoked'
  if (killTokens || isDead) return [putCredential(revoked(credential)), insertRevocation(cut)]
  const version = credential.version + 1
  return [putCredential({ ...credential, recordedStatus: 'rotated', retiresAt: cut.at, version })]
}
