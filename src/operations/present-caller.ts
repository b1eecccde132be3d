// A caller as it is now, after something changed, and what may not have changed for a decision on it to hold.

import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import { exchanging, guardOfExchange } from '../authority/exchange.ts'
import { grantState, deadRefusal } from '../authority/grant-state.ts'
import { tokenDeath } from '../authority/tokens.ts'
import { authorityOf } from '../core/authority.ts'
import { credentialStatus } from '../core/credential.ts'
import { keysOfChain } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'

/** Whatever restricts the caller, or this server, makes a decision stale. */
export function guardOf(caller: Caller, { self }: Context): string[] {
  return [
    ...keysOfChain(caller.own.chain),
    ...keysOfChain(caller.acting.chain),
    revocationKey('agent', caller.presenter.id),
    revocationKey('credential', caller.credentialId),
    revocationKey('server', self.serverId),
    ...(caller.exchange === undefined ? [] : guardOfExchange(caller.exchange)),
  ]
}

/** The caller as it is now, after something changed: still live, and bound by what is new. */
export async function presentCaller(context: Context, caller: Caller): Promise<Caller> {
  const { exchange } = caller
  if (exchange !== undefined) {
    const client = await presentCaller(context, exchange.client)
    return exchanging(context, client, exchange.presentedExchange)
  }
  const { live, now } = context
  const own = await grantState(live, caller.own.grant.id, now())
  const acting = await grantState(live, caller.acting.grant.id, now())
  const presenter = live.agent(caller.presenter.id)
  const agent = live.agent(caller.agent.id)
  if (presenter?.status !== 'active' || agent === undefined) throw new Refusal('agent_suspended')
  if (caller.mayOnlyRepeat !== true) assertStillProven(context, caller)
  if (own === undefined || acting === undefined) throw new Refusal('invalid_token')
  if (!own.liveness.live && caller.mayOnlyRepeat !== true) throw deadRefusal(own.grant.id, own)
  if (!acting.liveness.live && caller.mayOnlyRepeat !== true) {
    throw deadRefusal(acting.grant.id, acting)
  }
  const narrowed = caller.actsAs
    ? authorityOf(acting.chain, live, own.authority.bounds)
    : own.authority
  return { ...caller, presenter, agent, own: own.authority, acting: narrowed }
}

function assertStillProven(context: Context, caller: Caller): void {
  const { live, now } = context
  if (caller.token !== undefined && tokenDeath(context, caller.token, now()) !== undefined) {
    throw new Refusal('invalid_token')
  }
  if (caller.credential === undefined) return
  const credential = live.credential(caller.credential.id)
  const status = credential === undefined ? 'revoked' : credentialStatus(credential, now())
  if (status === 'active' || status === 'retiring') return
  throw new Refusal('invalid_client', { message: `The credential is ${status}.` })
}
