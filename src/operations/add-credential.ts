// add_credential: another way for an agent to prove itself, within the caller's own authority and, for
// one's own agent, within the life of what the caller came with.

import * as z from 'zod'
import type { Agent } from '../core/agent.ts'
import { credentialStatus, isKeyed } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import type { ScopeSet } from '../core/scope.ts'
import { parseCertificate } from './certificate-material.ts'
import * as field from './fields.ts'
import { findAgent, isOwnAgent, unknown } from './may.ts'
import { credentialFields, described, parseCredential, withProof } from './new-credential.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { repeatSecret } from './repeat-secret.ts'
import { callersEnd, reachOf, requireCover } from './stronger.ts'
import { requireRight } from './whose-credential.ts'

interface Added {
  readonly credential_id: string
  readonly dry_run?: boolean
}

export const addCredential = defineOperation({
  name: 'add_credential',
  title: 'Add a credential',
  summary:
    'Gives an agent another secret, API key, public key or certificate, no wider than your authority.',
  permission: '· / credentials:create',
  ownNeedsCredential: true,
  effect: 'write',
  spendsUse: true,
  refusesActAs: 'invalid_request',
  input: z.object({
    agent: field.agentRef,
    kind: z.enum(['secret', 'api_key', 'public_key', 'x509']),
    ...credentialFields,
    delivery: field.delivery.optional(),
  }),
  output: z.object({
    credential_id: z.string(),
    delivery: field.delivered.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async (input, call) => {
    const { context, caller, now } = call
    const { agent } = requireRight(call, findAgent(call, input.agent), 'create', unknown('agent'))
    if (agent.status === 'retired') throw new Refusal('agent_suspended', { missing_at: agent.id })
    const parsed = parseCredential(call, agent, context.live.ceilingOf(agent), input)
    requireCoverOf(call, agent, parsed.scopes)
    const which = { id: context.newId('crd'), agentId: agent.id, kind: input.kind }
    const wanted = { ...parsed, ...(await parseCertificate(call, which, input)) }
    const credential: Credential = {
      ...which,
      orgId: agent.orgId,
      ...wanted,
      ...endFor(call, agent.id, input.expires_at),
      recordedStatus: 'active',
      createdAt: now,
      createdBy: caller.agent.id,
      createdUnder: caller.acting.grant.id,
      version: 1,
    }
    const made = await withProof(call, credential, wanted, {
      delivery: input.delivery,
      isFirst: isFirstOf(call, agent),
    })
    return {
      result: {
        credential_id: credential.id,
        ...(call.dryRun && { dry_run: true }),
      } satisfies Added,
      writes: made.writes,
      target: credential.id,
      detail: { agent: agent.id, ...described(credential), delivery: made.delivery },
      ...(made.handOut !== undefined && { handOut: made.handOut }),
    }
  },
  repeat: (recorded: Added, input, call) => {
    const { agent } = requireRight(call, findAgent(call, input.agent), 'create', unknown('agent'))
    requireCoverOf(call, agent, call.context.live.credential(recorded.credential_id)?.scopes)
    return repeatSecret(call, recorded, recorded.credential_id, {
      delivery: input.delivery,
      isFirst: isFirstOf(call, agent),
    })
  },
})

/** However narrow, it stands for its agent: for another one it takes cover of all that agent may do (rule 5). */
function requireCoverOf(call: Call, agent: Agent, scopes: ScopeSet | undefined): void {
  if (isOwnAgent(call, agent)) requireCover(call, reachOf(call, agent, scopes), 'scopes')
  else requireCover(call, reachOf(call, agent), 'agent')
}

/** Only who has nothing to prove itself by yet claims by the code alone. */
const isFirstOf = ({ context: { live }, now }: Call, agent: Agent): boolean =>
  ![...live.credentials.values()].some(
    (each) =>
      each.agentId === agent.id &&
      (each.secretHash !== undefined || isKeyed(each.kind)) &&
      credentialStatus(each, now) === 'active',
  )

/** For one's own agent nothing outlives what the caller came with; omitted, it ends with it. */
function endFor(call: Call, agentId: string, stated: number | 'never' | undefined) {
  const end = callersEnd(call)
  if (end === undefined || agentId !== call.caller.presenter.id) return {}
  if (stated === undefined) return { expiresAt: end }
  if (stated !== 'never' && stated <= end) return { expiresAt: stated }
  throw new Refusal('exceeds_ceiling', {
    message: 'The new credential would outlive the one presented.',
    failures: [{ code: 'exceeds_ceiling', dimension: 'expires_at', asked: stated, allowed: end }],
    missing_at: agentId,
  })
}
