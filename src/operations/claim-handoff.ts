// claim_handoff: fetches, once, what was handed over. Only the recipient claims; a second claim that is
// no retry ends what was handed over and nothing above it (authority: rule 21).

import * as z from 'zod'
import { grantState } from '../authority/grant-state.ts'
import { metaKeys } from '../authority/presented.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { Refusal } from '../core/refusal.ts'
import { claimHandoff as claimed } from '../store/handoffs.ts'
import type { Claim, Handoff } from '../store/handoffs.ts'
import { claimAsStranger, claimFirstSecret } from './claim-first-secret.ts'
import { chooseDelivery } from './delivery.ts'
import * as field from './fields.ts'
import { handoffMeant, noHandoff } from './handoff-meant.ts'
import { isOwnAgent } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'
import { endHandedOver } from './second-claim.ts'
import { renew } from './reissuing.ts'
import { repeatSecret } from './repeat-secret.ts'
import { requireNotMore } from './stronger.ts'

const output = z.object({
  grant_id: z.string().optional(),
  token_id: z.string().optional(),
  agent_id: z.string(),
  instance_id: z.string().optional(),
  scopes: field.strings.optional(),
  audience: field.strings.optional(),
  expires_at: field.time.optional(),
  grant_expires_at: field.time.optional(),
  depth: z.int().optional(),
  max_depth: z.int().optional(),
  uses_left: z.int().optional(),
  lineage: field.strings.optional(),
  dropped: field.strings.optional(),
  credential_id: z.string().optional(),
  delivery: field.delivered.optional(),
  dry_run: z.boolean().optional(),
})

export type ClaimResult = z.output<typeof output>

const input = z.object({
  handoff: z
    .string()
    .max(256)
    .optional()
    .describe('The code; better given as _meta["dev.remit/handoff"].'),
  delivery: field.delivery.optional(),
})

export type ClaimInput = z.output<typeof input>

export const claimHandoff = defineOperation({
  name: 'claim_handoff',
  title: 'Claim a handoff',
  summary: 'Fetches the token or secret that was handed over to your agent, once.',
  permission: '·',
  effect: 'write',
  spendsUse: false,
  refusesActAs: 'invalid_request',
  input,
  output,
  handle: claim,
  // A retry is recognised by the claim itself.
  repeat: (_, asked, call) => claim(asked, call),
  strangers: {
    presenting: ['nothing', 'unusable'],
    handle: (asked, { context, meta, now, dryRun }) =>
      claimAsStranger({ context, now, dryRun }, codeIn(asked, meta), asked.delivery),
  },
})

async function claim(asked: ClaimInput, call: Call): Promise<Outcome<ClaimResult>> {
  const { context, caller, now } = call
  const code = codeIn(asked, call.meta)
  const handoff = await handoffMeant(context, code)
  if (handoff === undefined) throw noHandoff()
  if (handoff.orgId !== caller.orgId) throw noHandoff('handoff_by_stranger')
  if (handoff.byCodeAlone) {
    return claimFirstSecret(call, handoff, asked.delivery)
  }
  if (handoff.recipientId !== caller.agent.id || !mayClaim(call)) {
    throw noHandoff('handoff_by_stranger')
  }
  if (handoff.expiresAt <= now) throw noHandoff()
  const claimKey = claimKeyOf(call)
  if (handoff.claimedAt !== undefined && !isRetry(handoff, claimKey)) {
    return endHandedOver(call, handoff)
  }
  const outcome = await handOver(call, handoff, asked)
  const first = handoff.claimedAt === undefined
  return {
    ...outcome,
    writes: [...(first ? [claimed(handoff.id, now, claimKey)] : []), ...(outcome.writes ?? [])],
  }
}

/** By one's own credential or a token got with it: a token that others delegated proves nobody. */
const mayClaim = (call: Call): boolean =>
  call.caller.mayOnlyRepeat !== true && isOwnAgent(call, call.caller.agent)

/** The code in the arguments or the metadata, in exactly one place. */
function codeIn(asked: ClaimInput, meta: Readonly<Record<string, unknown>>): string {
  const inMeta = meta[metaKeys.handoff]
  const given = [asked.handoff, inMeta].filter((value) => value !== undefined)
  const [code] = given
  if (given.length === 1 && typeof code === 'string') return code
  throw new Refusal('invalid_request', { message: 'Give the handoff code in exactly one place.' })
}

/** A retry comes with the same idempotency key and the same credential. */
function claimKeyOf({ idempotencyKey, caller, context }: Call): string | undefined {
  if (idempotencyKey === undefined) return undefined
  const by = caller.credential?.id ?? caller.own.grant.id
  return keyedHash(context.keys.arguments, JSON.stringify([by, idempotencyKey])).toString(
    'base64url',
  )
}

const isRetry = ({ claimKey }: Claim, presentedKey: string | undefined): boolean =>
  claimKey !== undefined && claimKey === presentedKey

async function handOver(
  call: Call,
  handoff: Handoff,
  { delivery }: ClaimInput,
): Promise<Outcome<ClaimResult>> {
  if (delivery === 'handoff') {
    throw new Refusal('invalid_request', { message: 'A claim cannot be handed over again.' })
  }
  const { context, now } = call
  if (handoff.kind === 'token') {
    const state = await grantState(context.live, handoff.grantId ?? '', now)
    if (state === undefined) throw noHandoff()
    return renew(call, {
      state,
      ttl: handoff.ttl ?? 0,
      delivery: chooseDelivery(call, delivery, 'token'),
      ...(handoff.audience !== undefined && { audience: handoff.audience }),
    })
  }
  const credential = context.live.credential(handoff.credentialId ?? '')
  if (credential === undefined) throw noHandoff()
  requireNotMore(call, call.caller.agent, credential)
  const result = {
    agent_id: credential.agentId,
    credential_id: credential.id,
    ...(call.dryRun && { dry_run: true }),
  }
  const outcome = await repeatSecret(call, result, credential.id, { delivery, isFirst: false })
  return { ...outcome, detail: { delivery: outcome.detail?.['delivery'] } }
}
