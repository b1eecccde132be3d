// Which credential an operation is about and by what right: one's own by a call by credential without
// `act_as`, else by permission on the agent that has it (authority: rules 3, 5 and 7).

import type { Agent } from '../core/agent.ts'
import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { may, requireRootOrCredential, unknown } from './may.ts'
import type { Call } from './operation.ts'

export interface Whose {
  readonly agent: Agent
  /** Whether it is the caller's own agent, by right of its credential. */
  readonly isOwn: boolean
}

/** Refuses a caller that may not do this with that agent's credentials; unknown agents look alike. */
export function requireRight(
  call: Call,
  agent: Agent | undefined,
  operation: 'create' | 'rotate' | 'revoke',
  no: Refusal,
): Whose {
  const { caller } = call
  if (agent === undefined || agent.orgId !== caller.orgId) throw no
  requireRootOrCredential(call)
  const isOwn =
    caller.credential !== undefined && !caller.actsAs && agent.id === caller.presenter.id
  if (!isOwn && !may(call, `credentials/${agent.name}:${operation}`)) {
    throw lacking(call, agent, operation, no)
  }
  requireActive(call)
  return { agent, isOwn }
}

/** To one's own agent a missing permission is told; of others nothing is. */
export function lacking(call: Call, agent: Agent, operation: string, no: Refusal): Refusal {
  if (agent.id !== call.caller.agent.id) return no
  return new Refusal('insufficient_scope', {
    missing: [`credentials/${agent.name}:${operation}`],
    missing_at: call.caller.acting.grant.id,
    remedy: { text: 'Call with the credential itself, or under a grant with that permission.' },
  })
}

/** A retiring credential authenticates calls, but does not change credentials. */
function requireActive({ caller, now }: Call): void {
  const { credential } = caller
  if (credential === undefined || credentialStatus(credential, now) === 'active') return
  throw new Refusal('conflict', {
    message: 'A retiring credential cannot add, rotate or revoke credentials.',
    remedy: { text: 'Use its successor.' },
  })
}

/** The credential meant in the caller's organisation, with its agent. */
export function credentialMeant(
  { context: { live }, caller }: Call,
  id: string,
): { readonly credential: Credential; readonly agent: Agent } {
  const credential = live.credential(id)
  const agent = credential === undefined ? undefined : live.agent(credential.agentId)
  if (credential === undefined || agent?.orgId !== caller.orgId) throw unknown('credential')
  return { credential, agent }
}
