// renew_token: a new token for a grant that is still live, by the agent that holds it. Children hang on
// the grant, so they are not orphaned.

import * as z from 'zod'
import { audienceOf, serverMeant } from '../authority/audience.ts'
import { grantState } from '../authority/grant-state.ts'
import type { GrantState } from '../authority/grant-state.ts'
import { Refusal } from '../core/refusal.ts'
import { tokenById } from '../store/tokens.ts'
import { one } from '../store/store.ts'
import { chooseDelivery } from './delivery.ts'
import * as field from './fields.ts'
import { unknown } from './may.ts'
import { mintOutput } from './mint-fields.ts'
import type { Minted } from './mint-fields.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { reissue, renew, ttlOf } from './reissuing.ts'

const server = z.string().min(1).max(512)

export const renewToken = defineOperation({
  name: 'renew_token',
  title: 'Renew a token',
  summary: 'A new token for a live grant that your agent holds; never past the end of the grant.',
  permission: '·',
  effect: 'write',
  spendsUse: true,
  refusesActAs: 'invalid_request',
  input: z.object({
    token_id: field.id('tok').optional(),
    grant_id: field.id('grt').optional(),
    ttl_seconds: field.seconds.optional(),
    audience: z
      .union([server, z.array(server).length(1)])
      .optional()
      .describe('Which audience of the grant; a token carries one.'),
    delivery: field.delivery.optional(),
  }),
  output: mintOutput,
  handle: async (input, call) => {
    const { context, caller } = call
    const state = await held(call, input)
    const delivery = chooseDelivery(call, input.delivery, 'token')
    const ttl = ttlOf(call, input.ttl_seconds)
    const [audience] = [input.audience].flat()
    if (audience === undefined) return renew(call, { state, ttl, delivery })
    const meant = serverMeant(context, caller.orgId, audience)
    if (meant === undefined) throw new Refusal('invalid_target')
    if (!audienceOf(context, state.grant).includes(meant.id)) {
      throw new Refusal('exceeds_parent', {
        message: 'That audience is not one of the grant.',
        missing_at: state.grant.id,
      })
    }
    return renew(call, { state, ttl, delivery, audience: meant.id })
  },
  repeat: (recorded: Minted, input, call) => reissue(call, recorded, input),
})

interface Which {
  readonly token_id?: string | undefined
  readonly grant_id?: string | undefined
}

/** The grant meant, if the caller's agent holds it (authority: rule 15). */
async function held(call: Call, { token_id, grant_id }: Which): Promise<GrantState> {
  const { context, caller, now } = call
  if (token_id !== undefined && grant_id !== undefined) {
    throw new Refusal('invalid_request', { message: 'Give token_id or grant_id, not both.' })
  }
  const token =
    token_id === undefined ? undefined : await one(context.store.read(tokenById(token_id)))
  if (token_id !== undefined && token === undefined) throw unknown('token')
  const wanted = grant_id ?? token?.grantId ?? caller.token?.grantId
  if (wanted === undefined) {
    throw new Refusal('invalid_request', {
      message: 'A call by credential must name the grant or token to renew.',
      remedy: { text: 'See which grants you hold.', operation: 'list_tokens' },
    })
  }
  const state = await grantState(context.live, wanted, now)
  if (state === undefined || !isHeld(call, state)) {
    throw unknown(token_id === undefined ? 'grant' : 'token')
  }
  if (!state.grant.standing) return state
  throw new Refusal('invalid_request', {
    message: 'The root of a credential has no tokens of its own.',
    remedy: { text: 'Mint a token instead.', operation: 'mint_token' },
  })
}

/** By credential any grant of one's agent; by token one's own grant, or one below it of one's agent. */
function isHeld({ caller }: Call, { grant }: GrantState): boolean {
  if (grant.orgId !== caller.orgId || grant.agentId !== caller.presenter.id) return false
  if (caller.credential !== undefined) return true
  const own = caller.own.grant.id
  return grant.id === own || grant.lineage.includes(own)
}
