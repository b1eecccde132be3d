// delegate_token: a child of the acting grant, for another agent or a new instance of one's own, never
// wider than its parent in any dimension.

import { audienceOf } from '../authority/audience.ts'
import type { Agent } from '../core/agent.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { isFull, requireRoom } from './fan-out.ts'
import * as field from './fields.ts'
import { findAgent, may, unknown } from './may.ts'
import { mintInput, mintOutput } from './mint-fields.ts'
import type { Minted } from './mint-fields.ts'
import { mint } from './minting.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'
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
    const left = await leastLeft(call, acting)
    const source = {
      kind: 'parent' as const,
      authority: acting,
      audience: audienceOf(context, acting.grant),
      ...(left !== undefined && { usesLeft: left }),
    }
    // Of an agent that there is not, all that goes too far is said as of one that there is.
    const holder = receiver ?? { ...agent, name: String(to) }
    const outcome = await withRoom(call, (full) =>
      mint(call, wanted, { ...source, ...full }, holder),
    )
    if (receiver === undefined) throw unknown('agent')
    const writes = [...requireRoom(call), ...(outcome.writes ?? [])]
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

/** The commit asks whether there is room; where it comes to none, that is told with all else that fails. */
async function withRoom(
  call: Call,
  child: (source: { readonly isFull: boolean }) => Outcome<Minted>,
): Promise<Outcome<Minted>> {
  if (call.dryRun) return child({ isFull: await isFull(call) })
  try {
    return child({ isFull: false })
  } catch (error) {
    if (error instanceof Refusal && error.detail.failures !== undefined && (await isFull(call))) {
      return child({ isFull: true })
    }
    throw error
  }
}
