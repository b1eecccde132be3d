// The last active agent with the computed ceiling cannot be shut out: neither by its status, nor by the
// end of its last credential, nor by the methods it may use (authority: rule 6). What this is decided
// on must still hold at commit, so that two calls at once cannot each leave it to the other.

import { methodOfKind, credentialStatus } from '../core/credential.ts'
import { mayAuthenticateBy } from '../core/agent.ts'
import type { Agent } from '../core/agent.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import { unchangedCredential } from '../store/credentials.ts'
import type { Write } from '../store/store.ts'
import type { Call } from './operation.ts'

/** What must hold at commit: keys that nothing restricted, and conditions. */
export interface StillHeld {
  readonly guard: readonly string[]
  readonly writes: readonly Write[]
}

const nothing: StillHeld = { guard: [], writes: [] }

/** Refuses `conflict` where no other administrator is active. */
export function requireOtherAdmin({ context: { live } }: Call, agent: Agent): StillHeld {
  if (!agent.computedCeiling) return nothing
  const other = [...live.agents.values()].find(
    (each) =>
      each.orgId === agent.orgId &&
      each.id !== agent.id &&
      each.computedCeiling &&
      each.status === 'active',
  )
  if (other !== undefined) return { guard: [revocationKey('agent', other.id)], writes: [] }
  throw new Refusal('conflict', {
    message: 'The last active administrator cannot be shut out.',
    remedy: {
      text: 'On the host, `remit init --recover` gives the administrator a new credential.',
    },
  })
}

/** The same for an administrator who would be left without a credential that it may use. */
export function requireWayIn(
  call: Call,
  agent: Agent,
  left: { readonly without?: string } & Partial<Pick<Agent, 'authMethods' | 'sensitivity'>>,
): StillHeld {
  if (!agent.computedCeiling || agent.status !== 'active') return nothing
  const allowed = { ...agent, ...left }
  const other = [...call.context.live.credentials.values()].find(
    (each) =>
      each.agentId === agent.id &&
      each.id !== left.without &&
      (each.passwordHash !== undefined || each.publicKeys !== undefined) &&
      each.scopes === undefined &&
      each.expiresAt === undefined &&
      mayAuthenticateBy(allowed, methodOfKind[each.kind]) &&
      credentialStatus(each, call.now) === 'active',
  )
  if (other === undefined) return requireOtherAdmin(call, agent)
  return { guard: [], writes: [unchangedCredential(other)] }
}
