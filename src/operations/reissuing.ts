// A new token for a grant that is there already: what renewing does, and what repeats of minting and
// delegating come to. It yields only what is still effective.

import { deadRefusal, grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import { issueToken } from '../authority/tokens.ts'
import type { DeliveryKind } from '../authority/context.ts'
import { effectiveScopes } from '../core/authority.ts'
import { keysOfChain } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { usesLeft } from '../store/uses.ts'
import { insertToken } from '../store/tokens.ts'
import { chooseDelivery, deliverToken } from './delivery.ts'
import { unknown } from './may.ts'
import { audienceOfToken, mintedResult } from './minting.ts'
import type { Minted } from './mint-fields.ts'
import type { Call, Outcome } from './operation.ts'
import { requireCoverOfGrant } from './stronger.ts'

export interface Renewal {
  readonly state: GrantState
  /** Server id; absent: this server, or the grant's first. */
  readonly audience?: string
  /** Seconds. */
  readonly ttl: number
  readonly delivery: DeliveryKind
}

const defaultTtl = 300

/** The life of a token that was not stated, or was: above the limit it is refused. */
export function ttlOf({ context: { settings } }: Call, stated: number | undefined): number {
  if (stated === undefined) return Math.min(defaultTtl, settings.tokenMax)
  if (stated <= settings.tokenMax) return stated
  throw new Refusal('invalid_request', { message: `ttl_seconds is above ${settings.tokenMax}.` })
}

/** Issues another token of a live grant, to a caller whose own authority covers it (law 9). */
export async function renew(call: Call, renewal: Renewal): Promise<Outcome<Minted>> {
  const { context, caller, now, seq } = call
  const { state, ttl, delivery } = renewal
  const { grant, authority, chain } = state
  if (!state.liveness.live) throw deadRefusal(grant.id, state)
  const effective = effectiveScopes(authority)
  if (effective.length === 0) {
    throw new Refusal('insufficient_scope', {
      message: 'Nothing of this grant is effective any more.',
      missing_at: grant.id,
    })
  }
  if (!isUnderOwnToken(call, state)) requireCoverOfGrant(call, authority)
  const audience = renewal.audience ?? audienceOfToken(call, grant)
  const { credentialId } = caller
  const issued = issueToken(context, { authority, audience, ttl, credentialId, now, seq })
  const recipientId = grant.agentId
  const handed = deliverToken(call, { delivery, authority, issued, ttl, recipientId })
  const left = await leastLeft(call, state)
  return {
    result: {
      ...mintedResult(call, authority, issued, [], left),
      scopes: effective.map(({ text }) => text),
    },
    writes: [insertToken(issued.token), ...handed.writes],
    guard: keysOfChain(chain),
    target: grant.id,
    detail: { token_id: issued.token.id, delivery },
    ...(!call.dryRun && { handOut: handed.handOut }),
  }
}

/** A token's own grant, and what hangs below it, is covered by it whatever was registered since. */
const isUnderOwnToken = ({ caller }: Call, { grant }: GrantState): boolean =>
  caller.token !== undefined &&
  (grant.id === caller.own.grant.id || grant.lineage.includes(caller.own.grant.id))

/** Uses left on the scarcest grant of a chain; `undefined` where nothing is limited. */
export async function leastLeft(
  { context }: Pick<Call, 'context'>,
  { chain }: Pick<GrantState, 'chain'>,
) {
  const limited = chain.filter((grant) => grant.uses !== undefined).map((grant) => grant.id)
  if (limited.length === 0) return undefined
  const counted = await context.store.read(usesLeft(limited))
  return counted.length < limited.length ? 0 : Math.min(...counted.map(({ left }) => left))
}

/** Answers the repeat of a call that made a grant: the same grant, a new token. */
export async function reissue(
  call: Call,
  recorded: Minted,
  input: {
    readonly delivery?: DeliveryKind | undefined
    readonly ttl_seconds?: number | undefined
  },
): Promise<Outcome<Minted>> {
  const state = await grantState(call.context.live, recorded.grant_id, call.now)
  if (state === undefined) throw unknown('grant')
  const delivery = chooseDelivery(call, input.delivery, 'token')
  const outcome = await renew(call, { state, ttl: ttlOf(call, input.ttl_seconds), delivery })
  const { dropped } = recorded
  return {
    ...outcome,
    result: { ...outcome.result, dropped },
    detail: { ...outcome.detail, repeated: true },
  }
}
