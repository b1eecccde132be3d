// The repeat of a call that handed out a secret: a fresh secret for the same credential, as long as that
// was never used. So a crash between commit and answer locks nobody out.

import type { DeliveryKind } from '../authority/context.ts'
import { credentialStatus, isKeyed } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { credentialUse, neverUsed, putCredential } from '../store/credentials.ts'
import { one } from '../store/store.ts'
import { unknown } from './may.ts'
import { withSecret } from './new-credential.ts'
import type { Call, Outcome } from './operation.ts'

export interface Handing {
  readonly delivery: DeliveryKind | undefined
  readonly isFirst: boolean
  readonly replacesOwnFile?: boolean
}

/** Answers with `recorded`, and hands out a fresh secret of that credential if it has one. */
export async function repeatSecret<Result extends object>(
  call: Call,
  recorded: Result,
  credentialId: string,
  handing: Handing,
): Promise<Outcome<Result>> {
  const { context, now } = call
  const credential = context.live.credential(credentialId)
  if (credential === undefined) throw unknown('credential')
  const isActive = credentialStatus(credential, now) === 'active'
  if (!isActive || (await wasUsed(call, credentialId))) throw used()
  if (isKeyed(credential.kind)) return { result: recorded, detail: { repeated: true } }
  const { secretHash: _, passwordHash: __, ...bare } = credential
  const fresh = { ...bare, version: credential.version + 1 }
  const { credential: renewed, delivery, kind } = await withSecret(call, fresh, handing)
  return {
    result: recorded,
    writes: [neverUsed(credentialId, 'stale'), putCredential(renewed), ...delivery.writes],
    target: credentialId,
    detail: { repeated: true, delivery: kind },
    ...(!call.dryRun && { handOut: delivery.handOut }),
  }
}

export const wasUsed = async ({ context }: Pick<Call, 'context'>, credentialId: string) =>
  (await one(context.store.read(credentialUse(credentialId)))) !== undefined

export const used = (): Refusal =>
  new Refusal('conflict', {
    message:
      'What was handed out was used since, or is no longer active; nothing new is handed out.',
    remedy: { text: 'If the secret is lost, rotate or revoke the credential.' },
  })
