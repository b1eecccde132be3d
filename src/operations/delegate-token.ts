// delegate_token: a child of the acting grant, for another agent or a new instance of one's own, never
// wider than its parent in any dimension.

import { audienceOf } from '../authority/audience.ts'
import type { Agent } from '../core/agent.ts'
import { rootOf } from '../core/grant.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { isBelowCap, requireBelowCap } from '../store/grants.ts'
import type { Cap } from '../store/grants.ts'
import { one } from '../store/store.ts'
import type { Write } from '../store/store.ts'
import * as field from './fields.ts'
import { findAgent, may, unknown } from './may.ts'
import { mintInput, mintOutput } from './mint-fields.ts'
import type { Minted } from './mint-fields.ts'
import { mint } from './minting.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { leastLeft, reissue } from './reissuing.ts'

export const delegateToken = defineOperation({
  name: 'delegate_token',
  title: 'Delegate a token',
  summary:
    'Makes a narrower grant below yours for a sub-agent and a token for it. Refusals list every dimension that goes too far.',
  permission: 'tokens:delegate',
  effect: 'write',
  spendsUse: true,
  input: mintInput.extend({
    to: field.agentRef
      .optional()
      .describe('Agent that receives it; default: a new instance of your own.'),
  }),
  output: mintOutput,
  handle: async (input, call) => {
    const { caller, context } = call
    const { to, ...wanted } = input
    const { exchange, agent } = caller
    const receiver = to === undefined ? (exchange?.actor ?? agent) : receiverNamed(call, to)
    if (receiver !== undefined && receiver.status !== 'active') {
      throw new Refusal('agent_suspended', {
        message: 'The receiving agent is not active.',
        missing_at: receiver.id,
      })
    }
    const { acting } = caller
    const caps = await withinCaps(call)
    const left = await leastLeft(call, acting)
    const audience = audienceOf(context, acting.grant)
    const source = {
      kind: 'parent' as const,
      authority: acting,
      audience,
      ...(left !== undefined && { usesLeft: left }),
    }
    if (receiver === undefined) {
      // Says what goes too far, the permission included, as for an agent that there is not.
      mint(call, wanted, source, { ...agent, name: String(to) })
      throw unknown('agent')
    }
    const outcome = mint(call, wanted, source, receiver)
    const writes = [...caps, ...(outcome.writes ?? [])]
    const detail = { ...outcome.detail, ...exchanged(call) }
    return { ...outcome, result: afterThisUse(outcome.result, left), writes, detail }
  },
  repeat: (recorded: Minted, input, call) => reissue(call, recorded, input),
})

/**
 * The agent meant, for a caller that may delegate to it; whoever may not does not learn which agents there
 * are (authority: rule 32).
 */
function receiverNamed(call: Call, to: string): Agent | undefined {
  const agent = findAgent(call, to)
  const name = agent?.name ?? (isId('agt', to) ? undefined : to)
  if (!may(call, name === undefined ? 'tokens:delegate' : `tokens/${name}:delegate`))
    return undefined
  if (agent === undefined) throw unknown('agent')
  return agent
}

/** Which tokens a client exchanged, for the audit. */
function exchanged({ caller }: Call): Readonly<Record<string, unknown>> {
  if (caller.exchange === undefined) return {}
  const { actorBy } = caller.exchange
  return {
    subject_token_id: caller.token?.id,
    ...(actorBy !== undefined && { actor_token_id: actorBy.token?.id }),
  }
}

/** The delegation itself takes a use of what is above. */
const afterThisUse = (minted: Minted, left: number | undefined): Minted =>
  left === undefined
    ? minted
    : { ...minted, uses_left: Math.min(minted.uses_left ?? left, left - 1) }

/** Unexpired children of one grant and grants of one root are capped (authority: rule 38). */
async function withinCaps({ context, caller, now, dryRun }: Call): Promise<readonly Write[]> {
  const { store, settings } = context
  const { grant } = caller.acting
  const caps: readonly Cap[] = [
    { of: 'parent', id: grant.id, now, cap: settings.maxChildren },
    { of: 'root', id: rootOf(grant), now, cap: settings.maxGrantsPerRoot },
  ]
  const full = new Refusal('rate_limited', {
    message: 'Too many live grants hang below this one or its root.',
    missing_at: grant.id,
    remedy: { text: 'Wait until some expire, and give those to come a shorter life.' },
  })
  if (!dryRun) return caps.map((cap) => requireBelowCap(cap, full))
  for (const cap of caps) {
    if ((await one(store.read(isBelowCap(cap)))) === undefined) throw full
  }
  return []
}
