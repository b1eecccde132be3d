// Making a credential for an agent: shared by registering an agent, adding to one and rotating. The
// secret is made here, hashed outside the commit, and leaves only through its delivery.

import * as z from 'zod'
import { secretHash } from '../authority/by-secret.ts'
import type { DeliveryKind } from '../authority/context.ts'
import { mayAuthenticateBy } from '../core/agent.ts'
import type { Agent, AuthMethod } from '../core/agent.ts'
import { isKeyed, methodOfKind } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes, setCovers } from '../core/scope.ts'
import type { ScopeSet } from '../core/scope.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import { putCredential } from '../store/credentials.ts'
import type { Write } from '../store/store.ts'
import { chooseDelivery, deliverSecret } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import { certificateFields, claimRule } from './certificate-material.ts'
import type { Certified, WantedCertificate } from './certificate-material.ts'
import * as field from './fields.ts'
import { claims, describedKeys, keyFields, parseKeys } from './key-material.ts'
import type { Keys, WantedKeys } from './key-material.ts'
import type { Call } from './operation.ts'
import { parseWanted } from './scopes.ts'

export const credentialFields = {
  ...keyFields,
  ...certificateFields,
  scopes: field.scopes.optional().describe('Narrower than the ceiling of the agent.'),
  expires_at: z
    .union([z.int().min(0).max(253_402_300_799), z.literal('never')])
    .optional()
    .describe('Unix time in seconds, or "never".'),
}

export interface WantedCredential extends WantedKeys, WantedCertificate {
  readonly kind: 'secret' | 'api_key' | 'public_key' | 'x509'
  readonly scopes?: readonly string[] | undefined
  readonly expires_at?: number | 'never' | undefined
}

export interface NewCredential extends Keys, Certified {
  readonly scopes?: ScopeSet
  readonly expiresAt?: number
}

/** Reads what is wanted of a new credential: within the agent's methods and ceiling, with sound keys. */
export function parseCredential(
  call: Call,
  agent: Pick<Agent, 'id' | 'ceiling' | 'authMethods' | 'sensitivity'>,
  ceiling: ScopeSet,
  wanted: WantedCredential,
): NewCredential {
  refuseMethod(agent, methodOfKind[wanted.kind])
  if (wanted.kind === 'api_key') refuseUnboundedKey(wanted)
  const scopes =
    wanted.scopes === undefined ? undefined : parseWanted(call, wanted.scopes, 'credential.scopes')
  const high = (scopes ?? []).filter((scope) => !setCovers(ceiling, scope))
  if (high.length > 0) {
    const missing = high.map((scope) => scope.text)
    throw new Refusal('exceeds_ceiling', {
      message: 'Scopes of a credential must be within the ceiling of its agent.',
      missing,
      // One that is only being registered has no place yet.
      ...(call.context.live.agent(agent.id) !== undefined && { missing_at: agent.id }),
    })
  }
  const expiresAt = expiryOf(call, wanted.expires_at)
  return {
    ...(scopes !== undefined && { scopes }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...parseKeys(wanted.kind, wanted),
  }
}

function refuseMethod(agent: Pick<Agent, 'authMethods' | 'sensitivity'>, method: AuthMethod): void {
  if (mayAuthenticateBy(agent, method)) return
  throw new Refusal('conflict', {
    message: agent.authMethods.includes(method)
      ? `An agent of high sensitivity may not authenticate by ${method}.`
      : `The agent may not authenticate by ${method}; change its auth_methods first.`,
    remedy: { text: 'Give it a credential of another kind, such as public_key.' },
  })
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

/** A new credential, the writes that make it, and what is handed out after the commit, if anything is. */
export interface Proven {
  readonly writes: readonly Write[]
  readonly handOut?: Delivery['handOut']
  /** For the audit. */
  readonly delivery: DeliveryKind | 'none'
}

/** Makes what proves a credential: claims the keys that were brought, or a secret to be delivered. */
export async function withProof(
  call: Call,
  credential: Credential,
  brought: Keys & Certified,
  options: Parameters<typeof withSecret>[2],
): Promise<Proven> {
  const claimed = [
    ...claims(credential, brought, call.now),
    ...claimRule(credential, brought, call.now),
  ]
  if (isKeyed(credential.kind)) {
    return { writes: [putCredential(credential), ...claimed], delivery: 'none' }
  }
  const { credential: made, delivery, kind } = await withSecret(call, credential, options)
  const writes = [putCredential(made), ...claimed, ...delivery.writes]
  return { writes, delivery: kind, ...(!call.dryRun && { handOut: delivery.handOut }) }
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
    credential,
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
export const described = (credential: Credential) => ({
  kind: credential.kind,
  ...(credential.scopes !== undefined && { scopes: formatScopes(credential.scopes) }),
  expires_at: credential.expiresAt ?? 'never',
  ...describedKeys(credential),
  ...(credential.anchorId !== undefined && { anchor: credential.anchorId }),
  ...(credential.certificateRule !== undefined && { told_by: credential.certificateRule }),
})
