// One key signs per purpose; those that still verify are found by header; what is compromised is gone with
// the change that says so.

import { describe, expect, test } from 'vitest'
import { createKeyRing, sealRecord } from '../../src/authority/key-ring.ts'
import type { KeyPurpose } from '../../src/authority/key-ring.ts'
import type { LiveState } from '../../src/authority/live.ts'
import { seal } from '../../src/crypto/seal.ts'
import { signOwnJwt, verifyOwnJwt } from '../../src/crypto/own-jwt.ts'
import { generateSigningKey } from '../../src/crypto/signing-key.ts'
import type { SigningKeyRecord } from '../../src/store/signing-keys.ts'
import { keys } from '../store/contract/bench.ts'

const key = (
  id: string,
  traits: Partial<SigningKeyRecord> = {},
  sealedFor = id,
): SigningKeyRecord => {
  const { publicJwk, privatePkcs8 } = generateSigningKey(traits.alg ?? 'EdDSA')
  const purpose: KeyPurpose = traits.purpose ?? 'access_token'
  return {
    id,
    purpose,
    alg: 'EdDSA',
    publicJwk: JSON.stringify(publicJwk),
    sealedPrivate: seal(keys.seal, privatePkcs8, sealRecord(sealedFor, purpose)),
    status: 'active',
    createdAt: 0,
    ...traits,
  }
}

/** A ring over these records, and a way to change them. */
function ring(...records: readonly SigningKeyRecord[]) {
  const signingKeys = new Map(records.map((record) => [record.id, record]))
  const live = { revision: 0, signingKeys }
  const made = createKeyRing(live as unknown as LiveState, keys)
  const put = (record: SigningKeyRecord) => {
    signingKeys.set(record.id, record)
    live.revision += 1
  }
  return { ...made, put }
}

const count = (r: ReturnType<typeof ring>, now = 0) => r.verifiers('access_token', now).size

describe('the signer', () => {
  test.each(['EdDSA', 'ES256'] as const)('signs what its verifier verifies, by %s', (alg) => {
    const r = ring(key('key_1', { alg }))
    const { kid, signer } = r.signer('access_token')
    expect(kid).toBe('key_1')
    const jwt = signOwnJwt(signer, { sub: 'x' })
    expect(verifyOwnJwt(jwt, r.verifiers('access_token', 0))).toMatchObject({
      ok: true,
      kid,
      claims: { sub: 'x' },
    })
  })

  test('is the active key of its purpose', () => {
    const old = key('key_1', { status: 'rotated', retiresAt: 5 })
    const r = ring(old, key('key_2'), key('key_3', { purpose: 'checkpoint' }))
    expect(r.signer('access_token').kid).toBe('key_2')
    expect(r.signer('checkpoint').kid).toBe('key_3')
  })

  test('is missed where there is none, and where it does not open', () => {
    const none = ring(key('key_1', { status: 'compromised' }))
    expect(() => none.signer('access_token')).toThrow(expect.objectContaining({ kind: 'damaged' }))
    const moved = ring(key('key_1', {}, 'key_2'))
    expect(() => moved.signer('access_token')).toThrow(expect.objectContaining({ kind: 'damaged' }))
  })
})

describe('verifiers', () => {
  test('are of one purpose: a checkpoint is no token', () => {
    const r = ring(key('key_1'), key('key_2', { purpose: 'checkpoint' }))
    const jwt = signOwnJwt(r.signer('checkpoint').signer, { sub: 'x' })
    expect(verifyOwnJwt(jwt, r.verifiers('access_token', 0)).ok).toBe(false)
    expect(verifyOwnJwt(jwt, r.verifiers('checkpoint', 0)).ok).toBe(true)
  })

  test('of a rotated key end at its time', () => {
    const r = ring(key('key_1', { status: 'rotated', retiresAt: 10 }), key('key_2'))
    expect([count(r, 9), count(r, 10)]).toEqual([2, 1])
    expect([r.verifies('key_1', 9), r.verifies('key_1', 10)]).toEqual([true, false])
    expect(r.verifies('key_2', 1e9)).toBe(true)
  })

  test('of a compromised key are gone with the change', () => {
    const compromised = key('key_1')
    const r = ring(compromised, key('key_2'))
    const jwt = signOwnJwt(r.signer('access_token').signer, { sub: 'x' })
    expect([count(r), verifyOwnJwt(jwt, r.verifiers('access_token', 0)).ok]).toEqual([2, true])
    r.put({ ...compromised, status: 'compromised', retiresAt: 99 })
    expect([count(r), r.verifies('key_1', 0)]).toEqual([1, false])
  })

  test('of an unknown key there are none', () => {
    expect(ring(key('key_1')).verifies('key_9', 0)).toBe(false)
    expect(count(ring())).toBe(0)
  })
})
