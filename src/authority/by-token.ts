// Callers who present a token. It says which grant; everything else comes from the record.

import type { Protection } from '../core/grant.ts'
import { Refusal } from '../core/refusal.ts'
import { refused } from './authenticated.ts'
import type { Authenticated, Known } from './authenticated.ts'
import type { PresentedBy } from './caller.ts'
import type { Context } from './context.ts'
import { deadRefusal, grantState } from './grant-state.ts'
import { provePossession } from './possession.ts'
import type { Asked } from './possession.ts'
import type { Presented } from './presented.ts'
import { recognise, tokenDeath } from './tokens.ts'

export async function byToken(
  context: Context,
  presented: Extract<Presented, { kind: 'token' }>,
  asked: Asked,
): Promise<Authenticated> {
  const recognised = await recognise(context, presented.presentedToken)
  if (!recognised.ok) return recognised
  const { token } = recognised
  const { live, self, now } = context
  const state = await grantState(live, token.grantId, now())
  const agent = state === undefined ? undefined : live.agent(state.grant.agentId)
  if (state === undefined || agent === undefined) return refused(new Refusal('invalid_token'))
  const { grant } = state
  const by: PresentedBy = {
    agent_id: agent.id,
    method: 'token',
    token_id: token.id,
    grant_id: grant.id,
  }
  const known: Known = {
    orgId: grant.orgId,
    agentId: agent.id,
    presented: by,
    grantId: grant.id,
    lineage: grant.lineage,
  }
  const death = tokenDeath(context, token, now())
  if (!state.liveness.live) return refused(deadRefusal(grant.id, state), known)
  if (death !== undefined) return refused(deadToken(death, grant.id), known)
  if (token.audience !== self.serverId) {
    return refused(deadToken('The token is for another server.', grant.id), known)
  }
  let shown: readonly Protection[]
  try {
    shown = await provePossession(context, grant, presented, asked)
  } catch (error) {
    if (error instanceof Refusal) return refused(error, known)
    throw error
  }
  return {
    ok: true,
    caller: {
      orgId: grant.orgId,
      method: 'token',
      presenter: agent,
      token,
      presented: by,
      own: state.authority,
      acting: state.authority,
      agent,
      actsAs: false,
      shown,
      credentialId: token.credentialId,
      warnings: [],
    },
  }
}

const deadToken = (message: string, grantId: string): Refusal =>
  new Refusal('invalid_token', {
    message,
    missing_at: grantId,
    remedy: { text: 'Get a new token for the grant while it lives.', operation: 'renew_token' },
  })
