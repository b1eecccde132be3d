// A grant as it is now: its chain, whether it lives, and what it may do. Derived from the live state and
// kept only for the revision it was derived at.

import { authorityOf } from '../core/authority.ts'
import type { Authority } from '../core/authority.ts'
import type { Grant } from '../core/grant.ts'
import { chainExpiry, liveness } from '../core/liveness.ts'
import type { Chain, Liveness } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { andThen } from '../store/store.ts'
import type { Soon } from '../store/store.ts'
import type { LiveState } from './live.ts'

export interface GrantState {
  readonly grant: Grant
  readonly chain: Chain
  readonly liveness: Liveness
  readonly authority: Authority
}

const chains = new WeakMap<Grant, Chain>()
const states = new WeakMap<
  Grant,
  GrantState & { readonly revision: number; readonly until: number }
>()

/** The grant with its chain; `undefined` where any part of it cannot be read. */
export const grantState = (
  live: LiveState,
  grantId: string,
  now: number,
): Soon<GrantState | undefined> =>
  andThen(live.grant(grantId), (grant) =>
    grant === undefined ? undefined : stateOf(live, grant, now),
  )

/** The same for a grant that was read already. */
export const stateOf = (
  live: LiveState,
  grant: Grant,
  now: number,
): Soon<GrantState | undefined> => {
  const known = states.get(grant)
  if (known !== undefined && known.revision === live.revision && now < known.until) return known
  return andThen(chainOf(live, grant), (chain) => {
    if (chain === undefined) return undefined
    const state = {
      grant,
      chain,
      liveness: liveness(chain, live, now),
      authority: authorityOf(chain, live),
      revision: live.revision,
      until: chainExpiry(chain),
    }
    states.set(grant, state)
    return state
  })
}

/** Root first; an ancestor that is missing or unreadable makes the whole chain unreadable. */
function chainOf(live: LiveState, grant: Grant): Soon<Chain | undefined> {
  const known = chains.get(grant)
  if (known !== undefined) return known
  const gather = (found: readonly Grant[]): Soon<Chain | undefined> => {
    const next = grant.lineage[found.length]
    if (next === undefined) {
      const chain = [...found, grant] as unknown as Chain
      chains.set(grant, chain)
      return chain
    }
    return andThen(live.grant(next), (ancestor) =>
      ancestor === undefined ? undefined : gather([...found, ancestor]),
    )
  }
  return gather([])
}

/** Why a grant that does not live is refused; the place is told only where it is one's own. */
export function deadRefusal(grantId: string, state: GrantState | undefined): Refusal {
  if (state === undefined || state.liveness.live) return new Refusal('invalid_token')
  const { code, at, reason } = state.liveness
  const own = at === state.grant.id || at === state.grant.agentId
  return new Refusal(code, {
    message: messages[reason],
    missing_at: own ? at : grantId,
    remedy: {
      text:
        reason === 'agent'
          ? 'Whoever may suspend agents can make it active again; grants made before stay dead.'
          : 'Ask whoever delegated to you for a new grant, or mint one with your credential.',
    },
  })
}

const messages = {
  expired: 'The grant, or one it descends from, has expired.',
  revoked: 'The grant, or one it descends from, was revoked.',
  credential: 'The credential that this grant came from was revoked.',
  agent: 'An agent that holds this grant, or one it descends from, is not active.',
} as const
