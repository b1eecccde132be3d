// The keys that agents registered, ready to be used: those that verify what an agent signed, and the one
// that what is for it alone is sealed to. Only credentials that still authenticate have any.

import { mayAuthenticateBy } from '../core/agent.ts'
import { credentialStatus, methodOfKind } from '../core/credential.ts'
import type { AgentKey, Credential } from '../core/credential.ts'
import { setCovers } from '../core/scope.ts'
import type { ScopeSet } from '../core/scope.ts'
import { checkEncryptionJwk } from '../crypto/encryption-key.ts'
import type { EncryptionKey } from '../crypto/encryption-key.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import type { Context } from './context.ts'

/** A key together with the credential that it proves. */
export interface VerificationKey extends PublicKey {
  readonly credential: Credential
}

/** Every key that an agent may sign with now; a retiring credential's still verify. */
export const verificationKeys = (context: Context, agentId: string): readonly VerificationKey[] =>
  credentialsOf(context, agentId, ['active', 'retiring'])
    .filter((credential) => maySignBy(context, credential))
    .flatMap(keysOf)

/** Whether what a credential signs counts: as it would prove its agent itself, and only then. */
export function maySignBy({ live }: Context, { agentId, kind }: Credential): boolean {
  const agent = live.agent(agentId)
  return agent?.status === 'active' && mayAuthenticateBy(agent, methodOfKind[kind])
}

/** The keys of one credential, whatever its status. */
export const keysOf = (credential: Credential): readonly VerificationKey[] =>
  (credential.publicKeys ?? []).flatMap((record) => {
    const key = verifier(record)
    return key === undefined ? [] : [{ ...key, credential }]
  })

/**
 * The key of the newest active credential that names one and may itself do all that is sealed: a narrow
 * credential's key opens nothing wider (law 9).
 */
export function encryptionKey(
  context: Context,
  agentId: string,
  reach: ScopeSet,
): EncryptionKey | undefined {
  const [newest] = credentialsOf(context, agentId, ['active'])
    .filter(({ encryptionKey: key, scopes }) => key !== undefined && reaches(scopes, reach))
    .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
  if (newest?.encryptionKey === undefined) return undefined
  const { jwk, kid } = newest.encryptionKey
  const checked = checkEncryptionJwk({ ...jwk, ...(kid !== undefined && { kid }) })
  return checked.ok ? checked.key : undefined
}

const reaches = (scopes: ScopeSet | undefined, reach: ScopeSet): boolean =>
  scopes === undefined || reach.every((scope) => setCovers(scopes, scope))

const credentialsOf = (
  { live, now }: Context,
  agentId: string,
  statuses: readonly ReturnType<typeof credentialStatus>[],
): readonly Credential[] =>
  [...live.credentials.values()].filter(
    (each) => each.agentId === agentId && statuses.includes(credentialStatus(each, now())),
  )

/** A sound record makes the same key each time, so the key made of it is kept beside it. */
const made = new WeakMap<AgentKey, PublicKey>()

function verifier(record: AgentKey): PublicKey | undefined {
  const known = made.get(record)
  if (known !== undefined) return known
  const { jwk, kid } = record
  const checked = checkPublicJwk({ ...jwk, ...(kid !== undefined && { kid }) })
  if (!checked.ok) return undefined
  made.set(record, checked.key)
  return checked.key
}
