// Replaces the key that signs access tokens, or one of the others. The old one verifies on for a while; retired after 0
// seconds it counts as compromised, and everything under it is dead at the commit (authority: 22).

import * as z from 'zod'
import { newSigningKey } from '../authority/new-signing-key.ts'
import { insertRevocation } from '../store/revocations.ts'
import { putSigningKey } from '../store/signing-keys.ts'
import type { SigningKeyRecord } from '../store/signing-keys.ts'
import type { Write } from '../store/store.ts'
import { strings } from './fields.ts'
import { requireFirstOrg, requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

export const rotateSigningKey = defineOperation({
  name: 'rotate_signing_key',
  title: 'Rotate the signing key',
  summary:
    'Sign tokens with a new key; the old one verifies on, or with retire_after_seconds 0 dies at once with its tokens.',
  permission: 'keys:rotate',
  needs: () => 'keys:rotate',
  effect: 'destroy',
  spendsUse: true,
  input: z.strictObject({
    alg: z.enum(['EdDSA', 'ES256']).optional().describe('By default that of the present key.'),
    purpose: z
      .enum(['access_token', 'deny_list', 'delivery', 'authentication'])
      .optional()
      .describe(
        'What it signs: tokens (the default), the list of what ended, what is sealed, proofs.',
      ),
    retire_after_seconds: z
      .int()
      .min(0)
      .max(315_360_000)
      .optional()
      .describe('How long the old key verifies on; 0 means it is compromised.'),
  }),
  output: z.object({
    kid: z.string(),
    retiring: strings.describe('Keys that no longer sign but still verify.'),
    dry_run: z.boolean().optional(),
  }),
  handle: (input, call) => {
    requireFirstOrg(call)
    requireRootOrCredential(call)
    const { context, now } = call
    const purpose = input.purpose ?? 'access_token'
    const retireAfter = input.retire_after_seconds ?? context.settings.tokenMax
    const keys = [...context.live.signingKeys.values()].filter((key) => key.purpose === purpose)
    const active = keys.filter(({ status }) => status === 'active')
    const made = newSigningKey({ ...context, now }, purpose, input.alg ?? active.at(-1)?.alg)
    const before = keys.filter((key) => key.status === 'rotated' && (key.retiresAt ?? 0) > now)
    const retiring = retireAfter === 0 ? before : [...before, ...active]
    return {
      result: {
        kid: made.id,
        retiring: retiring.map(({ id }) => id),
        ...(call.dryRun && { dry_run: true }),
      },
      writes: [putSigningKey(made), ...active.flatMap((key) => endings(key, retireAfter, call))],
      target: made.id,
      detail: { ended: active.map(({ id }) => id), retire_after_seconds: retireAfter },
    }
  },
})

function endings(key: SigningKeyRecord, retireAfter: number, { caller, now }: Call): Write[] {
  if (retireAfter > 0) {
    return [putSigningKey({ ...key, status: 'rotated', retiresAt: now + retireAfter })]
  }
  return [
    putSigningKey({ ...key, status: 'compromised', retiresAt: now }),
    insertRevocation({
      orgId: caller.orgId,
      kind: 'key',
      target: key.id,
      within: [],
      cause: 'compromised',
      at: now,
    }),
  ]
}
