// Finding a handoff by its code. To whoever may not claim it, it does not exist.

import { secretHash } from '../authority/by-secret.ts'
import type { Context } from '../authority/context.ts'
import { Refusal } from '../core/refusal.ts'
import { secretKindOf } from '../crypto/secret.ts'
import { handoffByCode } from '../store/handoffs.ts'
import type { Claim, Handoff } from '../store/handoffs.ts'
import { one } from '../store/store.ts'

export async function handoffMeant(
  context: Context,
  code: string,
): Promise<(Handoff & Claim) | undefined> {
  const kind = secretKindOf(code)
  if (kind !== undefined && kind !== 'handoff') throw new Refusal('wrong_credential_class')
  if (kind === undefined) return undefined
  return one(context.store.read(handoffByCode(secretHash(context, code))))
}

export const noHandoff = (finding?: string): Refusal =>
  new Refusal('not_found', {
    message: 'There is no such handoff for this caller.',
    remedy: { text: 'Ask whoever handed it over for a new one.' },
    ...(finding !== undefined && { finding }),
  })
