// What would mend a refusal where nothing more exact is known: fixed words, one row for each code.

import type { RefusalCode } from './refusal.ts'

export const remedies: Readonly<Record<RefusalCode, string>> = {
  invalid_request:
    'Correct what the message names; the README and the schemas of the tools say what may be there.',
  unknown_operation: 'List the tools to see which operations there are.',
  unsupported: 'Do without it: this server does not have it.',
  server_error: 'Try again; if it stays so, tell the operator, whose log names the cause.',
  unavailable: 'Try again; if it stays so, the operator should run `remit doctor`.',
  rate_limited: 'Wait a moment, then try again with less at once.',
  not_found: 'Look at the list of what you may see, and check the id or name.',
  conflict: 'Look at the present state, then decide again.',
  invalid_client: 'Present exactly one credential that is live.',
  invalid_token: 'Renew the token while its grant lives, or get a new grant.',
  invalid_scope: 'List the resource types to see what is registered.',
  insufficient_scope: 'Ask whoever delegated this grant for one that covers what is missing.',
  invalid_target: 'Name this server by its issuer, or an active server of the organisation.',
  exceeds_parent: 'Ask for no more than the grant it comes from.',
  exceeds_ceiling: 'Ask for less, or have the ceiling raised by whoever may update the agent.',
  ancestor_revoked: 'Ask whoever delegated to you for a new grant.',
  depth_exhausted: 'Delegate from a grant nearer to the root, or have a deeper one minted.',
  uses_exhausted: 'Ask whoever delegated this grant for a new one.',
  agent_suspended: 'Whoever may suspend agents can make it active again.',
  replay_detected: 'Make a new proof for each call.',
  task_mismatch: 'Use the task of the grant, or one of its sub-tasks.',
  binding_downgrade: 'Bind the child to a key too.',
  handoff_already_claimed: 'Find out who claimed it, then have a new one made.',
  wrong_credential_class: 'Present a credential of an agent to agents’ operations, and no other.',
}
