// register_agent: a new agent with a ceiling that the caller's own authority covers, and usually its
// first credential. No owner, no record.

import * as z from 'zod'
import { authMethods, mayAuthenticateBy } from '../core/agent.ts'
import type { Agent, AuthMethod } from '../core/agent.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes } from '../core/scope.ts'
import { putAgent } from '../store/agents.ts'
import { parseCertificate } from './certificate-material.ts'
import * as field from './fields.ts'
import { requireRootOrCredential, unknown } from './may.ts'
import { credentialFields, described, parseCredential, withProof } from './new-credential.ts'
import type { NewCredential } from './new-credential.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { repeatSecret } from './repeat-secret.ts'
import { parseWanted } from './scopes.ts'
import { requireCover } from './stronger.ts'

const defaultRotationDays = 30

interface Registered {
  readonly agent_id: string
  readonly credential_id?: string
  readonly dry_run?: boolean
}

export const registerAgent = defineOperation({
  name: 'register_agent',
  title: 'Register an agent',
  summary:
    'Adds an agent with an owner, a ceiling within your own authority, and a first credential.',
  permission: 'agents:register',
  needs: ({ name }) => `agents/${name}:register`,
  effect: 'write',
  spendsUse: true,
  input: z.object({
    name: field.name.describe('Unique in the organisation for ever.'),
    description: field.freeText,
    owner: field.saying.describe('Who answers for it: a person or team.'),
    ceiling: field.scopes.describe('The most it can ever be given.'),
    sensitivity: field.sensitivity.optional(),
    auth_methods: field.methods.optional(),
    rotation_days: z.int().min(1).max(3650).optional(),
    credential: z
      .strictObject({
        kind: z.enum(['secret', 'api_key', 'public_key', 'x509', 'none']),
        ...credentialFields,
      })
      .optional()
      .describe('Default: a secret.'),
    delivery: field.delivery.optional(),
  }),
  output: z.object({
    agent_id: z.string(),
    credential_id: z.string().optional(),
    delivery: field.delivered.optional(),
    dry_run: z.boolean().optional(),
  }),
  handle: async (input, call) => {
    requireRootOrCredential(call)
    const { context, caller, now } = call
    if (context.live.agentByName(caller.orgId, input.name) !== undefined) {
      throw new Refusal('conflict', { message: 'An agent of that name exists, or did once.' })
    }
    const ceiling = parseWanted(call, input.ceiling, 'ceiling')
    requireCover(call, ceiling, 'ceiling')
    const { sensitivity = 'normal' } = input
    const agent: Agent = {
      id: context.newId('agt'),
      orgId: caller.orgId,
      name: input.name,
      description: input.description,
      owner: input.owner,
      ceiling,
      computedCeiling: false,
      sensitivity,
      authMethods: [...new Set(input.auth_methods ?? methodsFor(sensitivity))],
      rotationDays: input.rotation_days ?? defaultRotationDays,
      status: 'active',
      createdAt: now,
      createdBy: caller.agent.id,
      createdUnder: caller.acting.grant.id,
      version: 1,
    }
    const dry = call.dryRun ? { dry_run: true } : {}
    const about = { target: agent.id, detail: { name: agent.name, ceiling: formatScopes(ceiling) } }
    const { kind = 'secret', ...wanted } = input.credential ?? {}
    if (kind === 'none') {
      refuseAnything(wanted)
      const result: Registered = { agent_id: agent.id, ...dry }
      return { result, writes: [putAgent(agent)], ...about }
    }
    const parsed = parseCredential(call, agent, agent.ceiling, { kind, ...wanted })
    const which = { id: context.newId('crd'), agentId: agent.id, kind }
    const brought = { ...parsed, ...(await parseCertificate(call, which, wanted)) }
    const credential = firstCredential(call, which, brought)
    const made = await withProof(call, credential, brought, {
      delivery: input.delivery,
      isFirst: true,
    })
    return {
      result: { agent_id: agent.id, credential_id: credential.id, ...dry } satisfies Registered,
      writes: [putAgent(agent), ...made.writes],
      target: agent.id,
      detail: { ...about.detail, credential: described(credential), delivery: made.delivery },
      ...(made.handOut !== undefined && { handOut: made.handOut }),
    }
  },
  repeat: async (recorded: Registered, input, call) => {
    const { credential_id } = recorded
    if (credential_id === undefined) return { result: recorded, detail: { repeated: true } }
    const agent = call.context.live.agent(recorded.agent_id)
    if (agent === undefined) throw unknown('agent')
    requireCover(call, agent.ceiling, 'ceiling')
    return repeatSecret(call, recorded, credential_id, { delivery: input.delivery, isFirst: true })
  },
})

/** All that an agent of this sensitivity could use. */
const methodsFor = (sensitivity: Agent['sensitivity']): readonly AuthMethod[] =>
  authMethods.filter((method) => mayAuthenticateBy({ authMethods, sensitivity }, method))

/** What is said of a credential that is not wanted would be lost without a word. */
function refuseAnything(wanted: Readonly<Record<string, unknown>>): void {
  if (Object.values(wanted).every((value) => value === undefined)) return
  throw new Refusal('invalid_request', { message: 'Without a credential nothing is said of it.' })
}

function firstCredential(
  { caller, now }: Call,
  which: Pick<Credential, 'id' | 'agentId' | 'kind'>,
  brought: NewCredential,
): Credential {
  return {
    ...which,
    orgId: caller.orgId,
    ...brought,
    recordedStatus: 'active',
    createdAt: now,
    createdBy: caller.agent.id,
    createdUnder: caller.acting.grant.id,
    version: 1,
  }
}
