// The signing keys that are loaded: one active signer per purpose, and every key that still verifies.
// Follows the live state; a compromised key is gone from here with the change that says so.

import type { SigningPublicJwk, Signer, TokenType, Verifier } from '../crypto/signing-key.ts'
import { loadSigner, loadVerifier, verifiersByHeader } from '../crypto/signing-key.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import { unseal } from '../crypto/seal.ts'
import type { SigningKeyRecord } from '../store/signing-keys.ts'
import { StoreProblem } from '../store/problem.ts'
import type { LiveState } from './live.ts'

export type KeyPurpose = SigningKeyRecord['purpose']

export interface KeyRing {
  /** The one key that signs now. */
  signer(purpose: KeyPurpose): { readonly kid: string; readonly signer: Signer }
  /**
   * Verifiers by header segment, of keys that are active or still retiring. What a checkpoint states
   * stays true: its keys verify for good, unless they were compromised.
   */
  verifiers(purpose: KeyPurpose, now: number): ReadonlyMap<string, Verifier>
  /** Whether tokens under this key are still to be believed. */
  verifies(kid: string, now: number): boolean
}

const typOf = {
  access_token: 'at+jwt',
  checkpoint: 'remit-checkpoint+jwt',
  authentication: 'remit-authentication+jwt',
  delivery: 'remit-delivery+jwt',
  deny_list: 'remit-deny-list+jwt',
} as const satisfies Record<KeyPurpose, TokenType>

/** What a sealed private key is bound to, so that it opens for its own record only. */
export const sealRecord = (kid: string, purpose: KeyPurpose): string => `${purpose}/${kid}`

export function createKeyRing(live: LiveState, keys: Subkeys): KeyRing {
  const loaded = new Map<string, Verifier>()
  const signers = new Map<string, Signer>()
  let rings = new Map<
    KeyPurpose,
    { revision: number; until: number; ring: Map<string, Verifier> }
  >()

  function verifierOf(record: SigningKeyRecord): Verifier {
    const known = loaded.get(record.id)
    if (known !== undefined) return known
    const verifier = loadVerifier({
      kid: record.id,
      alg: record.alg,
      typ: typOf[record.purpose],
      publicJwk: JSON.parse(record.publicJwk) as SigningPublicJwk,
    })
    loaded.set(record.id, verifier)
    return verifier
  }

  function signerOf(record: SigningKeyRecord): Signer {
    const known = signers.get(record.id)
    if (known !== undefined) return known
    const opened = unseal(keys.seal, record.sealedPrivate, sealRecord(record.id, record.purpose))
    if (!opened.ok) throw new StoreProblem('damaged', `Signing key ${record.id} does not open`)
    const { id: kid, alg } = record
    const signer = loadSigner({
      kid,
      alg,
      typ: typOf[record.purpose],
      privatePkcs8: opened.plaintext,
    })
    signers.set(record.id, signer)
    return signer
  }

  return {
    signer(purpose) {
      const record = [...live.signingKeys.values()].findLast(
        (key) => key.purpose === purpose && key.status === 'active',
      )
      if (record === undefined) throw new StoreProblem('damaged', `No active ${purpose} key`)
      return { kid: record.id, signer: signerOf(record) }
    },
    verifiers(purpose, now) {
      const known = rings.get(purpose)
      if (known?.revision === live.revision && now < known.until) return known.ring
      const records = [...live.signingKeys.values()].filter(
        (key) => key.purpose === purpose && isGood(key, now),
      )
      const until = Math.min(...records.map((key) => key.retiresAt ?? Number.MAX_SAFE_INTEGER))
      const ring = new Map(verifiersByHeader(records.map(verifierOf)))
      rings = new Map([...rings, [purpose, { revision: live.revision, until, ring }]])
      return ring
    },
    verifies(kid, now) {
      const key = live.signingKeys.get(kid)
      return key !== undefined && isGood(key, now)
    },
  }
}

const isGood = (key: SigningKeyRecord, now: number): boolean =>
  key.status === 'active' || (key.status === 'rotated' && isStillBelieved(key, now))

const isStillBelieved = ({ purpose, retiresAt }: SigningKeyRecord, now: number): boolean =>
  purpose === 'checkpoint' || (retiresAt !== undefined && retiresAt > now)
