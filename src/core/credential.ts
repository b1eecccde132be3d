// The life of a credential: active → retiring → retired, or revoked from any of them. Only an active
// one may be rotated or may change credentials; a retiring one still authenticates calls.

import type { AuthMethod } from './agent.ts'
import type { ScopeSet } from './scope.ts'

export const credentialKinds = ['secret', 'api_key', 'public_key', 'x509'] as const
export type CredentialKind = (typeof credentialKinds)[number]
export type CredentialStatus = 'active' | 'retiring' | 'retired' | 'revoked'

/** A public key of an agent, as it was found sound when it was registered. */
export interface AgentKey {
  /** Only the members that make the key, and its one `alg`. */
  readonly jwk: Readonly<Record<string, string>>
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string
  /** What the agent calls it. */
  readonly kid?: string
}

/** By what a certificate is known to be its agent's: its key, a URI in its SAN, or its whole subject. */
export interface CertificateRule {
  readonly by: 'key' | 'san_uri' | 'subject'
  /** The RFC 7638 thumbprint, the URI, or the subject as RFC 4514 writes it. */
  readonly value: string
}

export interface Credential {
  readonly id: string
  readonly orgId: string
  readonly agentId: string
  readonly kind: CredentialKind
  /** Keyed hash of the secret, base64url; absent until a handed-over first secret was claimed. */
  readonly secretHash?: string
  /** argon2id of the secret in PHC form. */
  readonly passwordHash?: string
  /** Narrower than the agent's ceiling where present. */
  readonly scopes?: ScopeSet
  /** As recorded; what it is now, `credentialStatus` says. */
  readonly recordedStatus: 'active' | 'revoked' | 'rotated'
  readonly createdAt: number
  readonly expiresAt?: number
  readonly rotatedFrom?: string
  readonly rotatedTo?: string
  /** When a rotated credential stops authenticating. */
  readonly retiresAt?: number
  /** The first of this line of rotations; absent where it is this one. */
  readonly origin?: string
  readonly createdBy?: string
  readonly createdUnder?: string
  /** What a `public_key` credential is proven by. */
  readonly publicKeys?: readonly AgentKey[]
  /** What is for this agent alone is sealed to this key. */
  readonly encryptionKey?: AgentKey
  /** An `x509` credential: the one anchor that certificates are believed under, and which ones are meant. */
  readonly anchorId?: string
  readonly certificateRule?: CertificateRule
  readonly version: number
}

/** What a credential is at this moment. Expiry retires it: its grants end when they end. */
export function credentialStatus(credential: Credential, now: number): CredentialStatus {
  if (credential.recordedStatus === 'revoked') return 'revoked'
  if (credential.expiresAt !== undefined && credential.expiresAt <= now) return 'retired'
  if (credential.recordedStatus === 'active') return 'active'
  return credential.retiresAt !== undefined && credential.retiresAt > now ? 'retiring' : 'retired'
}

/**
 * The same credential, ended by decision: dead for everything, also for the repeat that a rotation would
 * have left it.
 */
export function revoked({ retiresAt: _, ...credential }: Credential): Credential {
  return { ...credential, recordedStatus: 'revoked', version: credential.version + 1 }
}

/** How a caller says it authenticated, per kind of credential. */
export const methodOfKind: Readonly<Record<CredentialKind, AuthMethod>> = {
  secret: 'secret',
  api_key: 'api_key',
  public_key: 'client_assertion',
  x509: 'x509',
}

/** Proven by a key that never left the agent: nothing is handed out for it. */
export const isKeyed = (kind: CredentialKind): boolean => kind === 'public_key' || kind === 'x509'

/** The first of a line of rotations; standing roots are found by it. */
export const originOf = ({ origin, id }: Credential): string => origin ?? id

/**
 * This credential and those it succeeded, newest first. Each names the one before it only; the line ends
 * early, after the id of a record that is not there.
 */
export function lineOf(
  credential: Credential,
  recordOf: (id: string) => Credential | undefined,
): readonly string[] {
  const line = [credential.id]
  for (let before = credential.rotatedFrom; before !== undefined;) {
    line.push(before)
    before = recordOf(before)?.rotatedFrom
  }
  return line
}
