// The keys that agents register: what is taken, what is refused and how, and that each belongs to one
// credential for good.

import { describe, expect, test } from 'vitest'
import { encryptionKey, verificationKeys } from '../../src/authority/agent-keys.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { pair } from '../support/keys.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, contents, refuse } from './asking.ts'

const add = { agent: 'local', kind: 'public_key' }

const keyOf = async (w: World, credentialId: string) => {
  const { credentials } = await ask(w, listCredentials, { agent: 'local' })
  return credentials.find(({ id }) => id === credentialId)
}

describe('keys that are taken', () => {
  test.each([
    ['Ed25519', 'ed25519', {}, 'EdDSA'],
    ['P-256', 'p256', {}, 'ES256'],
    ['P-384', 'p384', {}, 'ES384'],
    ['RSA', 'rsa', {}, 'RS256'],
    ['RSA for PSS', 'rsa', { alg: 'PS256', use: 'sig', kid: 'mine' }, 'PS256'],
  ] as const)('%s', async (_, kind, more, alg) => {
    const w = await world()
    const public_jwk = { ...pair(kind).publicJwk, ...more }
    const added = await ask(w, addCredential, { ...add, public_jwk })
    expect(added).toEqual({ credential_id: expect.stringMatching(/^crd_/) })
    expect(await keyOf(w, added.credential_id)).toMatchObject({
      kind: 'public_key',
      keys: [{ alg, thumbprint: expect.any(String) }],
    })
    expect(verificationKeys(w.context, w.local.id).map((key) => key.alg)).toEqual([alg])
  })

  test('as PEM, and the same key as JWK is the same key', async () => {
    const w = await world()
    const { publicPem, publicJwk } = pair('p256')
    await ask(w, addCredential, { ...add, public_pem: publicPem })
    expect(await refuse(w, addCredential, { ...add, public_jwk: publicJwk })).toMatchObject({
      code: 'conflict',
    })
  })

  test('several by kid', async () => {
    const w = await world()
    const keys = ['a', 'b'].map((kid) => ({ ...pair().publicJwk, kid }))
    const { credential_id } = await ask(w, addCredential, { ...add, public_jwks: { keys } })
    expect((await keyOf(w, credential_id))?.keys?.map(({ kid }) => kid)).toEqual(['a', 'b'])
  })

  test('an agent is registered with its key and its encryption key, and no secret is made', async () => {
    const w = await world()
    const asked = {
      name: 'signer',
      description: '',
      owner: 'tests',
      ceiling: ['demo:read'],
      sensitivity: 'high',
      credential: {
        kind: 'public_key',
        public_jwk: pair().publicJwk,
        encryption_jwk: pair('x25519').publicJwk,
      },
    }
    const registered = await ask(w, registerAgent, asked)
    expect(Object.keys(registered).toSorted()).toEqual(['agent_id', 'credential_id'])
    expect(encryptionKey(w.context, registered.agent_id, [])?.alg).toBe('ECDH-ES+A256KW')
    expect(verificationKeys(w.context, registered.agent_id)).toHaveLength(1)
  })

  test.each([
    ['x25519', 'ECDH-ES+A256KW'],
    ['p256', 'ECDH-ES+A256KW'],
    ['p384', 'ECDH-ES+A256KW'],
    ['rsa', 'RSA-OAEP-256'],
  ] as const)('to seal to: %s, beside a secret too', async (kind, alg) => {
    const w = await world()
    const asked = { agent: 'local', kind: 'secret', encryption_jwk: pair(kind).publicJwk }
    const { credential_id } = await ask(w, addCredential, asked)
    expect(await keyOf(w, credential_id)).toMatchObject({ encryption_key: { alg } })
    expect(encryptionKey(w.context, w.local.id, [])?.alg).toBe(alg)
  })
})

describe('keys that are refused', () => {
  const one = pair().publicJwk
  const zero = Buffer.alloc(32).toString('base64url')
  const two = [1, 2].map(() => pair().publicJwk)
  const unsound: readonly (readonly [string, object])[] = [
    ['RSA of 1024 bits', { public_jwk: pair('rsa1024').publicJwk }],
    ['P-521', { public_jwk: pair('p521').publicJwk }],
    ['secp256k1', { public_jwk: pair('secp256k1').publicJwk }],
    ['X25519 for signatures', { public_jwk: pair('x25519').publicJwk }],
    ['a point of small order', { public_jwk: { kty: 'OKP', crv: 'Ed25519', x: zero } }],
    ['a key for encryption', { public_jwk: { ...one, use: 'enc' } }],
    ['another algorithm', { public_jwk: { ...one, alg: 'ES256' } }],
    ['no algorithm', { public_jwk: { ...one, alg: 'none' } }],
    ['a set as a key', { public_jwk: { keys: [one] } }],
    ['a key as a set', { public_jwks: one }],
    ['an empty set', { public_jwks: { keys: [] } }],
    ['a set without kids', { public_jwks: { keys: two } }],
    ['one kid twice', { public_jwks: { keys: two.map((key) => ({ ...key, kid: 'a' })) } }],
    ['one key twice', { public_jwks: { keys: ['a', 'b'].map((kid) => ({ ...one, kid })) } }],
    ['eleven keys', { public_jwks: { keys: Array.from({ length: 11 }, () => one) } }],
    ['a set with one unsound key', { public_jwks: { keys: [{ ...one, kid: 'a' }, { kid: 'b' }] } }],
    ['PEM of a weak key', { public_pem: pair('rsa1024').publicPem }],
    ['PEM of a certificate', { public_pem: pair().publicPem.replaceAll('PUBLIC KEY', 'X509') }],
    ['two blocks of PEM', { public_pem: pair().publicPem + pair().publicPem }],
    ['words', { public_pem: 'a key' }],
    ['two forms', { public_jwk: one, public_pem: pair().publicPem }],
    ['none at all', {}],
    ['only one to seal to', { encryption_jwk: pair('x25519').publicJwk }],
    ['a key beside a secret', { kind: 'secret', public_jwk: one }],
    ['Ed25519 to seal to', { kind: 'secret', encryption_jwk: one }],
    ['zero to seal to', { kind: 'secret', encryption_jwk: { kty: 'OKP', crv: 'X25519', x: zero } }],
    [
      'a signing key to seal to',
      { kind: 'secret', encryption_jwk: { ...pair('p256').publicJwk, use: 'sig' } },
    ],
  ]
  test('one after the other, and none is kept', async () => {
    const w = await world()
    const before = await contents(w)
    for (const [what, change] of unsound) {
      const { code } = await refuse(w, addCredential, { ...add, ...change })
      expect([what, code]).toEqual([what, 'invalid_request'])
    }
    expect((await contents(w))['credentials']).toEqual(before['credentials'])
    expect((await contents(w))['identifying_marks']).toEqual([])
  })

  const exposed = pair()
  const exposing: readonly (readonly [string, object])[] = [
    ['a private JWK', { public_jwk: exposed.privateJwk }],
    ['a private JWK in a set', { public_jwks: { keys: [exposed.privateJwk] } }],
    [
      'a private PEM',
      { public_pem: String(exposed.privateKey.export({ format: 'pem', type: 'pkcs8' })) },
    ],
    ['a shared secret', { public_jwk: { kty: 'oct', k: exposed.privateJwk.d } }],
    ['a private key to seal to', { kind: 'secret', encryption_jwk: pair('x25519').privateJwk }],
  ]
  test('private ones unechoed, kept nowhere, and with a finding', async () => {
    const w = await world()
    const d = String(exposed.privateJwk.d)
    for (const [what, change] of exposing) {
      const error = await refuse(w, addCredential, { ...add, ...change })
      const { events } = await ask(w, queryAudit, { operation: 'add_credential' })
      expect({ what, code: error.code, ...events[0]?.detail }).toMatchObject({
        what,
        code: 'invalid_request',
        finding: 'private_key_in_argument',
      })
      const kept = JSON.stringify([error, events, await contents(w)])
      expect(kept).not.toContain(d)
      expect(kept).not.toContain(Buffer.from(d, 'base64url').toString('base64').slice(0, 40))
    }
  })
})

describe('a key belongs to one credential for good', () => {
  test('whoever brings it again, for whatever, is refused', async () => {
    const w = await world()
    const { publicJwk } = pair('p256')
    await w.addAgent('other', 'demo:read')
    const { credential_id } = await ask(w, addCredential, { ...add, public_jwk: publicJwk })
    const again = [
      { ...add, public_jwk: publicJwk },
      { ...add, agent: 'other', public_jwk: publicJwk },
      { agent: 'other', kind: 'secret', encryption_jwk: publicJwk },
    ]
    for (const args of again) {
      expect(await refuse(w, addCredential, args)).toMatchObject({ code: 'conflict' })
    }
    await ask(w, revokeCredential, { credential_id, cause: 'lost' })
    for (const args of again) {
      expect(await refuse(w, addCredential, args)).toMatchObject({ code: 'conflict' })
    }
  })

  test('of two that bring it at once, in two processes, one wins', async () => {
    const w = await world()
    await w.addAgent('other', 'demo:read')
    const elsewhere = await w.startProcess()
    const public_jwk = pair().publicJwk
    const answers = await Promise.all([
      w.call(addCredential, { ...add, public_jwk }),
      w.call(addCredential, { ...add, agent: 'other', public_jwk }, w.admin, { in: elsewhere }),
    ])
    expect(answers.map(({ ok }) => ok).toSorted()).toEqual([false, true])
  })

  test('another organisation does not learn of it', async () => {
    const w = await world()
    const { admin } = await w.addOrg('other')
    const public_jwk = pair().publicJwk
    await ask(w, addCredential, { ...add, public_jwk })
    expect(
      await ask(w, addCredential, { agent: 'admin', kind: 'public_key', public_jwk }, admin),
    ).toHaveProperty('credential_id')
  })
})

describe('rotation by a new key', () => {
  const start = async () => {
    const w = await world()
    const encryption_jwk = pair('x25519').publicJwk
    const asked = { ...add, public_jwk: pair().publicJwk, encryption_jwk, scopes: ['demo/a:read'] }
    const { credential_id } = await ask(w, addCredential, asked)
    return { w, credential_id }
  }

  test('keeps scopes and the key to seal to, and hands out nothing', async () => {
    const { w, credential_id } = await start()
    const public_jwk = pair().publicJwk
    const rotated = await ask(w, rotateCredential, { credential_id, public_jwk })
    expect(rotated).not.toHaveProperty('delivery')
    const [old, next] = [credential_id, rotated.credential_id]
    expect(await keyOf(w, old)).toMatchObject({ status: 'retiring', rotated_to: next })
    expect(await keyOf(w, next)).toMatchObject({ status: 'active', scopes: ['demo/a:read'] })
    expect((await keyOf(w, next))?.encryption_key).toEqual((await keyOf(w, old))?.encryption_key)
    expect(verificationKeys(w.context, w.local.id)).toHaveLength(2)
    w.pass(86_400)
    expect(verificationKeys(w.context, w.local.id)).toHaveLength(1)
  })

  test('of a compromised one leaves the key to seal to behind', async () => {
    const { w, credential_id } = await start()
    const asked = { credential_id, public_jwk: pair().publicJwk, overlap_seconds: 0 }
    const { credential_id: next } = await ask(w, rotateCredential, asked)
    expect(await keyOf(w, next)).not.toHaveProperty('encryption_key')
    expect(encryptionKey(w.context, w.local.id, [])).toBeUndefined()
  })

  test('needs a key, and a new one', async () => {
    const { w, credential_id } = await start()
    expect(await refuse(w, rotateCredential, { credential_id })).toMatchObject({
      code: 'invalid_request',
    })
    const public_jwk = pair().publicJwk
    await ask(w, addCredential, { ...add, public_jwk })
    expect(await refuse(w, rotateCredential, { credential_id, public_jwk })).toMatchObject({
      code: 'conflict',
    })
  })

  test('repeated by its idempotency key it answers the same', async () => {
    const { w, credential_id } = await start()
    const asked = { credential_id, public_jwk: pair().publicJwk, idempotency_key: 'k' }
    const first = await ask(w, rotateCredential, asked)
    expect(await ask(w, rotateCredential, asked)).toEqual(first)
  })
})

test('an agent of high sensitivity is given no bearer secret', async () => {
  const w = await world()
  await w.addAgent('vault', 'demo:read', { sensitivity: 'high' })
  for (const kind of ['secret', 'api_key']) {
    const asked = { agent: 'vault', kind, scopes: ['demo:read'], expires_at: 'never' }
    expect(await refuse(w, addCredential, asked)).toMatchObject({
      code: 'conflict',
      message: `An agent of high sensitivity may not authenticate by ${kind}.`,
    })
  }
  const asked = { agent: 'vault', kind: 'public_key', public_jwk: pair().publicJwk }
  expect(await ask(w, addCredential, asked)).toHaveProperty('credential_id')
})
