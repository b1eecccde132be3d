// Making a credential for an agent: shared by registering an agent, adding to one and rotating. The
// secret is made here, hashed outside the commit, and leaves only through its delivery.

import * as z from 'zod'
import { secretHash } from '../authority/by-secret.ts'
import type { DeliveryKind } from '../authority/context.ts'
import type { Agent } from '../core/agent.ts'
import { methodOfKind } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes, setCovers } from '../core/scope.ts'
import type { ScopeSet } from '../core/scope.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { chooseDelivery, deliverSecret } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import * as field from './fields.ts'
import type { Call } from './operation.ts'
import { parseWanted } from './scopes.ts'

const json = z.record(z.string(), z.unknown())

export const credentialFields = {
  public_jwk: json.optional().describe('Not supported yet.'),
  public_jwks: json.optional().describe('Not supported yet.'),
  encryption_jwk: json.optional().describe('Not supported yet.'),
  certificate: z.string().max(65_536).optional().describe('Not supported yet.'),
  anchor: z.string().max(65_536).optional().describe('Not supported yet.'),
  scopes: field.scopes.optional().describe('Narrower than the ceiling of the agent.'),
  expires_at: z
    .union([z.int().min(0).max(253_402_300_799), z.literal('never')])
    .optional()
    .describe('Unix time in seconds, or "never".'),
}

export interface WantedCredential {
  readonly kind: 'secret' | 'api_key' | 'public_key' | 'x509'
  readonly public_jwk?: unknown
  readonly public_jwks?: unknown
  readonly encryption_jwk?: unknown
  readonly certificate?: unknown
  readonly anchor?: unknown
  readonly scopes?: readonly string[] | undefined
  readonly expires_at?: number | 'never' | undefined
}

export interface NewCredential {
  readonly scopes?: ScopeSet
  readonly expiresAt?: number
}

/** Reads what is wanted of a new credential; refuses kinds that need keys of agents, for now. */
export function parseCredential(
  call: Call,
  agent: Pick<Agent, 'id' | 'ceiling' | 'authMethods'>,
  ceiling: ScopeSet,
  wanted: WantedCredential,
): NewCredential {
  const { public_jwk, public_jwks, encryption_jwk, certificate, anchor } = wanted
  const keys = [public_jwk, public_jwks, encryption_jwk, certificate, anchor]
  const isKeyed = wanted.kind === 'public_key' || wanted.kind === 'x509'
  if (isKeyed || keys.some((key) => key !== undefined)) {
    throw new Refusal('unsupported', {
      message: 'Keys and certificates of agents are not supported yet.',
    })
  }
  if (!agent.authMethods.includes(methodOfKind[wanted.kind])) {
    throw new Refusal('conflict', {
      message: `The agent may not authenticate by ${wanted.kind}; change its auth_methods first.`,
    })
  }
  if (wanted.kind === 'api_key') refuseUnboundedKey(wanted)
  const scopes =
    wanted.scopes === undefined ? undefined : parseWanted(call, wanted.scopes, 'credential.scopes')
  const high = (scopes ?? []).filter((scope) => !setCovers(ceiling, scope))
  if (high.length > 0) {
    const missing = high.map((scope) => scope.text)
    throw new Refusal('exceeds_ceiling', {
      message: 'Scopes of a credential must be within the ceiling of its agent.',
      missing,
      missing_at: agent.id,
    })
  }
  const expiresAt = expiryOf(call, wanted.expires_at)
  return { ...(scopes !== undefined && { scopes }), ...(expiresAt !== undefined && { expiresAt }) }
}

function refuseUnboundedKey({ scopes, expires_at }: WantedCredential): void {
  if (scopes !== undefined && expires_at !== undefined) return
  throw new Refusal('invalid_request', {
    message: 'An API key needs scopes and an expires_at, which may be an explicit "never".',
  })
}

function expiryOf({ now }: Call, stated: number | 'never' | undefined): number | undefined {
  if (stated === undefined || stated === 'never') return undefined
  if (stated > now) return stated
  throw new Refusal('invalid_request', { message: 'expires_at is in the past.' })
}

export interface Made {
  readonly credential: Credential
  readonly delivery: Delivery
  readonly kind: DeliveryKind
}

/** Gives a credential record its secret, unless a handoff makes it later, and says how it is delivered. */
export async function withSecret(
  call: Call,
  credential: Credential,
  options: {
    readonly delivery: DeliveryKind | undefined
    readonly isFirst: boolean
    readonly replacesOwnFile?: boolean
  },
): Promise<Made> {
  const kind = chooseDelivery(call, options.delivery, 'secret')
  const { agentId, id: credentialId, expiresAt } = credential
  const about = {
    delivery: kind,
    agentId,
    credentialId,
    isFirst: options.isFirst,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(options.replacesOwnFile === true && { replacesOwnFile: true }),
  }
  if (kind === 'handoff') return { credential, kind, delivery: deliverSecret(call, about) }
  const secret = newSecret(credential.kind === 'api_key' ? 'api_key' : 'agent_secret')
  return {
    credential: await hashed(call, credential, secret),
    kind,
    delivery: deliverSecret(call, { ...about, secret }),
  }
}

/** The record that a secret proves: keyed hash to find it, argon2id to confirm it. */
export async function hashed(
  { context, dryRun }: Pick<Call, 'context' | 'dryRun'>,
  credential: Credential,
  secret: Secret,
): Promise<Credential> {
  const text = secret.reveal()
  const passwordHash = dryRun ? '' : await context.hashing.hash(text)
  return { ...credential, secretHash: secretHash(context, text), passwordHash }
}

/** For the audit: what a credential is, never what proves it. */
export const described = ({ kind, scopes, expiresAt }: Credential) => ({
  kind,
  ...(scopes !== undefined && { scopes: formatScopes(scopes) }),
  expires_at: expiresAt ?? 'never',
})
