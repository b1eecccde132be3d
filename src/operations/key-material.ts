// The keys that a caller brings for a credential: checked once, here. What is weak, private or meant for
// something else is refused by the name of its flaw and never echoed. Each key belongs to one credential
// for good, so that nothing an agent does can be taken for another's.

import * as z from 'zod'
import { isKeyed } from '../core/credential.ts'
import type { AgentKey, Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { checkEncryptionJwk } from '../crypto/encryption-key.ts'
import type { EncryptionKey } from '../crypto/encryption-key.ts'
import { checkPublicJwks, checkPublicPem } from '../crypto/key-set.ts'
import type { KeySetFlaw } from '../crypto/key-set.ts'
import { checkPublicJwk } from '../crypto/public-key.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import { claimMark } from '../store/agent-keys.ts'
import type { Write } from '../store/store.ts'

const json = z.record(z.string(), z.unknown())

export const keyFields = {
  public_jwk: json
    .optional()
    .describe('Public key that the agent proves itself by: RSA ≥ 2048, P-256, P-384 or Ed25519.'),
  public_jwks: json.optional().describe('Several such keys, each with its own kid.'),
  public_pem: z.string().max(16_384).optional().describe('Such a key as PEM (BEGIN PUBLIC KEY).'),
  encryption_jwk: json
    .optional()
    .describe('Public key that is for this agent alone is sealed to: X25519, P-256, P-384 or RSA.'),
}

export interface WantedKeys {
  readonly public_jwk?: unknown
  readonly public_jwks?: unknown
  readonly public_pem?: string | undefined
  readonly encryption_jwk?: unknown
}

export type Keys = Pick<Credential, 'publicKeys' | 'encryptionKey'>

/** The keys of a credential of this kind; refuses those that are missing, doubled, unsound or misplaced. */
export function parseKeys(kind: Credential['kind'], wanted: WantedKeys): Keys {
  const { public_jwk, public_jwks, public_pem, encryption_jwk } = wanted
  const given = { public_jwk, public_jwks, public_pem }
  const count = Object.values(given).filter((value) => value !== undefined).length
  if (kind === 'public_key' && count !== 1) {
    throw invalid(
      'A public_key credential takes exactly one of public_jwk, public_jwks, public_pem.',
    )
  }
  if (kind !== 'public_key' && count > 0) {
    throw invalid(
      'public_jwk, public_jwks and public_pem belong to credentials of kind public_key.',
    )
  }
  return {
    ...(count > 0 && { publicKeys: publicKeysIn(given) }),
    ...(encryption_jwk !== undefined && { encryptionKey: encryptionKeyIn(encryption_jwk) }),
  }
}

function publicKeysIn(given: Omit<WantedKeys, 'encryption_jwk'>): readonly AgentKey[] {
  const { public_jwk, public_jwks, public_pem } = given
  if (public_jwks !== undefined) {
    const checked = checkPublicJwks(public_jwks)
    if (checked.ok) return checked.keys.map(recordOf)
    throw badKey('public_jwks', checked.reason)
  }
  const isPem = public_pem !== undefined
  const checked = isPem ? checkPublicPem(public_pem) : checkPublicJwk(public_jwk)
  if (checked.ok) return [recordOf(checked.key)]
  throw badKey(isPem ? 'public_pem' : 'public_jwk', checked.reason)
}

function encryptionKeyIn(untrusted: unknown): AgentKey {
  const checked = checkEncryptionJwk(untrusted)
  if (checked.ok) return recordOf(checked.key)
  throw badKey('encryption_jwk', checked.reason)
}

const recordOf = ({ jwk, thumbprint, kid }: PublicKey | EncryptionKey): AgentKey => ({
  jwk: { ...jwk },
  thumbprint,
  ...(kid !== undefined && { kid }),
})

/** Makes what identifies a new credential its own; what it inherits is its own already. */
export const claims = (
  { id, orgId, agentId }: Credential,
  { publicKeys = [], encryptionKey }: Keys,
  now: number,
): readonly Write[] =>
  [...publicKeys, ...(encryptionKey === undefined ? [] : [encryptionKey])].map(({ thumbprint }) =>
    claimMark({ orgId, mark: `key:${thumbprint}`, agentId, credentialId: id }, now),
  )

/** For the audit: which keys, by their thumbprints. */
export const describedKeys = ({ kind, publicKeys, encryptionKey }: Credential) => ({
  ...(isKeyed(kind) && publicKeys !== undefined && { keys: publicKeys.map((k) => k.thumbprint) }),
  ...(encryptionKey !== undefined && { encryption_key: encryptionKey.thumbprint }),
})

const exposing: ReadonlySet<KeySetFlaw> = new Set(['private_members', 'symmetric_key'])

function badKey(parameter: string, reason: KeySetFlaw): Refusal {
  if (!exposing.has(reason)) {
    return new Refusal('invalid_request', {
      message: `${parameter} is refused: ${reason}.`,
      remedy: {
        text: 'Use the public part of an Ed25519, P-256, P-384 or RSA (2048 bits or more) key.',
      },
    })
  }
  return new Refusal('invalid_request', {
    message: `${parameter} holds a private or secret key; it was kept nowhere.`,
    remedy: { text: 'That key is exposed now: make a new pair and send only its public part.' },
    finding: 'private_key_in_argument',
  })
}

const invalid = (message: string): Refusal => new Refusal('invalid_request', { message })
