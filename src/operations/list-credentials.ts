// The credentials of one agent, never their secrets: one's own by a credential, another's with the
// permission.

import * as z from 'zod'
import { credentialKinds, credentialStatus } from '../core/credential.ts'
import type { AgentKey, Credential } from '../core/credential.ts'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import { agentCertificates } from '../store/agent-keys.ts'
import { agentCredentialUses } from '../store/credentials.ts'
import { agentRef, strings, time } from './fields.ts'
import { findAgent, permittedAgent } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'

const key = z.object({ thumbprint: z.string(), alg: z.string(), kid: z.string().optional() })

const record = z.object({
  id: z.string(),
  kind: z.enum(credentialKinds),
  status: z.enum(['active', 'retiring', 'retired', 'revoked']),
  scopes: strings.optional(),
  created_at: time,
  expires_at: z.union([time, z.literal('never')]).optional(),
  last_used_at: time.optional(),
  rotated_from: z.string().optional(),
  rotated_to: z.string().optional(),
  retires_at: time.optional(),
  keys: z.array(key).optional(),
  encryption_key: key.optional(),
  anchor: z.string().optional(),
  told_by: z.object({ by: z.enum(['key', 'san_uri', 'subject']), value: z.string() }).optional(),
  certificate_expires_at: time.optional(),
})

export const listCredentials = defineOperation({
  name: 'list_credentials',
  title: 'List credentials',
  summary: 'The credentials of an agent with status, expiry, last use and rotation, newest first.',
  permission: '· / credentials:read',
  effect: 'read',
  ownNeedsCredential: true,
  spendsUse: false,
  input: z.strictObject({
    agent: agentRef.optional().describe('Agent id (agt_…) or name; by default your own.'),
  }),
  output: z.object({ credentials: z.array(record) }),
  handle: async (input, call) => {
    const { live, store } = call.context
    const agent = agentMeant(call, input.agent ?? call.caller.agent.id)
    const uses = await store.read(agentCredentialUses(agent.id))
    const seen = await store.read(agentCertificates(agent.id))
    const endOf = new Map(
      seen.map((each) => [each.credentialId, { certificate_expires_at: each.notAfter }]),
    )
    const lastUse = new Map(uses.map((use) => [use.credentialId, use.lastUsedAt]))
    const credentials = [...live.credentials.values()]
      .filter(({ agentId }) => agentId === agent.id)
      .toSorted((a, b) => (a.id < b.id ? 1 : -1))
      .map((each) => ({
        ...recordOf(
          each,
          lastUse.get(each.id),
          call.now,
          live.trustAnchors.get(each.anchorId ?? ''),
        ),
        ...endOf.get(each.id),
      }))
    return { result: { credentials }, target: agent.id }
  },
})

function agentMeant(call: Call, ref: string) {
  const { caller } = call
  const isCredentialCall = caller.credential !== undefined && !caller.actsAs
  const agent = isCredentialCall ? findAgent(call, ref) : undefined
  if (agent !== undefined && agent.id === caller.agent.id) return agent
  return permittedAgent(call, ref, (name) => `credentials/${name}:read`)
}

const recordOf = (
  c: Credential,
  lastUsedAt: number | undefined,
  now: number,
  { name: anchor }: Partial<TrustAnchor> = {},
) => ({
  id: c.id,
  kind: c.kind,
  status: credentialStatus(c, now),
  ...(c.scopes !== undefined && { scopes: c.scopes.map(({ text }) => text) }),
  created_at: c.createdAt,
  ...expiryOf(c),
  ...(lastUsedAt !== undefined && { last_used_at: lastUsedAt }),
  ...(c.rotatedFrom !== undefined && { rotated_from: c.rotatedFrom }),
  ...(c.rotatedTo !== undefined && { rotated_to: c.rotatedTo }),
  ...(c.retiresAt !== undefined && { retires_at: c.retiresAt }),
  ...(c.publicKeys !== undefined && { keys: c.publicKeys.map(keyOf) }),
  ...(c.encryptionKey !== undefined && { encryption_key: keyOf(c.encryptionKey) }),
  ...(anchor !== undefined && { anchor }),
  ...(c.certificateRule !== undefined && { told_by: c.certificateRule }),
})

const keyOf = ({ thumbprint, jwk, kid }: AgentKey) => ({
  thumbprint,
  alg: jwk['alg'] ?? '',
  ...(kid !== undefined && { kid }),
})

/** An API key without an end says so in every report. */
function expiryOf({ kind, expiresAt }: Credential): { expires_at?: number | 'never' } {
  if (expiresAt !== undefined) return { expires_at: expiresAt }
  return kind === 'api_key' ? { expires_at: 'never' } : {}
}
