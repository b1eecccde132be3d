// Acting down: a call may run under a grant that descends from the caller's own, always narrowed by what
// the caller came with. A grant id is a name, not a secret.

import { authorityOf } from '../core/authority.ts'
import { lineOf } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { audienceOf } from './audience.ts'
import type { Caller } from './caller.ts'
import type { Context } from './context.ts'
import { deadRefusal, grantState } from './grant-state.ts'
import type { GrantState } from './grant-state.ts'

/** Narrows a caller to a grant below its own; a grant outside of it is as good as unknown. */
export async function actAs(context: Context, caller: Caller, grantId: string): Promise<Caller> {
  const { live, self, now } = context
  const state = await grantState(live, grantId, now())
  if (state === undefined || !isOwn(context, caller, state)) throw notOwn()
  const agent = live.agent(state.grant.agentId)
  if (!state.liveness.live || agent === undefined) throw deadRefusal(grantId, state)
  if (!audienceOf(context, state.grant).includes(self.serverId)) {
    throw new Refusal('invalid_target', {
      message: 'This server is not in the audience of that grant.',
      missing_at: grantId,
    })
  }
  const acting = authorityOf(state.chain, live, caller.acting.bounds)
  return { ...caller, acting, agent, actsAs: true, shown: [] }
}

const notOwn = (): Refusal =>
  new Refusal('not_found', {
    message: 'No such grant descends from yours.',
    remedy: { text: 'List what descends from your grant.', operation: 'delegation_tree' },
  })

/** One's own: the acting grant and what hangs below; for a credential, all roots of its line. */
export function isOwn({ live }: Context, caller: Caller, { grant, chain }: GrantState): boolean {
  if (grant.orgId !== caller.orgId) return false
  const mine = caller.acting.grant.id
  if (grant.id === mine || grant.lineage.includes(mine)) return true
  if (caller.credential === undefined || caller.actsAs) return false
  const credential = live.credential(caller.credential.id) ?? caller.credential
  return lineOf(credential, live.credential).includes(chain[0].credentialId)
}
