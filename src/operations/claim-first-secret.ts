// The handoff of a first secret is claimed by its code alone, once, within ten minutes: nobody could yet
// prove to be its recipient. A second try revokes the credential.

import type { Context, DeliveryKind } from '../authority/context.ts'
import { credentialStatus } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { newSecret } from '../crypto/secret.ts'
import { putCredential } from '../store/credentials.ts'
import { claimHandoff as claimed } from '../store/handoffs.ts'
import type { Claim, Handoff } from '../store/handoffs.ts'
import type { Write } from '../store/store.ts'
import type { ClaimResult } from './claim-handoff.ts'
import { chooseDelivery, handOutSecret, sealSecret } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import { handoffMeant, noHandoff } from './handoff-meant.ts'
import { hashed } from './new-credential.ts'
import type { Call, Outcome, StrangersAnswer } from './operation.ts'
import { aStranger, eventOf } from './record-event.ts'
import { claimedBefore, endHandedOver, endingWrites } from './second-claim.ts'

interface Claiming {
  readonly context: Context
  readonly now: number
  readonly dryRun: boolean
}

type Found = Handoff & Claim

/** By a caller that is known but need not be the recipient: the code decides. */
export async function claimFirstSecret(
  call: Call,
  handoff: Found,
  delivery: DeliveryKind | undefined,
): Promise<Outcome<ClaimResult>> {
  if (handoff.claimedAt !== undefined) return endHandedOver(call, handoff)
  const { writes, handing } = await firstClaim(call, handoff, delivery)
  return {
    result: resultOf(call, handoff),
    writes,
    target: handoff.id,
    ...(!call.dryRun && { handOut: handing.handOut }),
  }
}

const attempts = 4

/** By nobody known. Commits by itself, since there is no caller whose authority would do it. */
export async function claimAsStranger(
  claiming: Claiming,
  code: string,
  delivery: DeliveryKind | undefined,
): Promise<StrangersAnswer<ClaimResult>> {
  const { context, now } = claiming
  for (let attempt = 0; attempt < attempts; attempt++) {
    const handoff = await handoffMeant(context, code)
    if (handoff === undefined) throw noHandoff()
    if (!handoff.byCodeAlone) throw noHandoff('handoff_by_stranger')
    if (handoff.claimedAt !== undefined && claiming.dryRun)
      return { refusal: claimedBefore(claiming) }
    if (handoff.claimedAt !== undefined) {
      const writes = endingWrites(context, handoff, now)
      if (await commit(claiming, handoff, writes, 'second_claim')) {
        return { refusal: claimedBefore(claiming) }
      }
    } else {
      const { writes, handing } = await firstClaim(claiming, handoff, delivery)
      if (claiming.dryRun) return { result: resultOf(claiming, handoff) }
      if (await commit(claiming, handoff, writes)) {
        return { result: resultOf(claiming, handoff), handed: await handing.handOut() }
      }
    }
    await context.live.refresh()
  }
  throw new Refusal('unavailable')
}

const resultOf = (
  { dryRun }: Pick<Claiming, 'dryRun'>,
  { recipientId, credentialId }: Handoff,
): ClaimResult => ({
  agent_id: recipientId,
  ...(credentialId !== undefined && { credential_id: credentialId }),
  ...(dryRun && { dry_run: true }),
})

async function firstClaim(
  claiming: Claiming,
  handoff: Found,
  delivery: DeliveryKind | undefined,
): Promise<{ readonly writes: readonly Write[]; readonly handing: Delivery }> {
  const { context, now } = claiming
  if (handoff.expiresAt <= now) throw noHandoff()
  const credential = context.live.credential(handoff.credentialId ?? '')
  if (credential === undefined || credentialStatus(credential, now) !== 'active') throw noHandoff()
  if (credential.secretHash !== undefined) throw noHandoff()
  const kind = chooseDelivery(claiming, delivery, 'secret')
  if (kind === 'handoff') {
    throw new Refusal('invalid_request', { message: 'A claim cannot be handed over again.' })
  }
  const secret = newSecret(credential.kind === 'api_key' ? 'api_key' : 'agent_secret')
  const proven = await hashed(claiming, credential, secret)
  const { agentId: agent_id, id: credential_id } = credential
  const file = { agent_id, credential_id, secret: secret.reveal() }
  return {
    writes: [
      claimed(handoff.id, now, undefined),
      putCredential({ ...proven, version: credential.version + 1 }),
    ],
    handing:
      kind === 'sealed'
        ? sealSecret(context, { ...credential, credentialId: credential.id, credential }, file)
        : handOutSecret(context, kind, secret, file, credential.expiresAt),
  }
}

async function commit(
  { context }: Claiming,
  handoff: Handoff,
  writes: readonly Write[],
  finding?: string,
): Promise<boolean> {
  const event = eventOf(
    context,
    { ...aStranger(context), orgId: handoff.orgId, agentId: handoff.recipientId },
    {
      operation: 'claim_handoff',
      code: finding === undefined ? 'allowed' : 'handoff_already_claimed',
      target: handoff.id,
      detail: finding === undefined ? {} : { finding },
    },
  )
  return (await context.committer.submit({ writes, events: [event] })) === 'committed'
}
