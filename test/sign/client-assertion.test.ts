// The signer that the package offers makes what the server takes, with a pair that `remit keygen` would make.

import { expect, test } from 'vitest'
import { generateKeyPair, privateJwkOf } from '../../src/crypto/private-jwk.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { signClientAssertion } from '../../src/sign/client-assertion.ts'
import { enters } from '../attacks/attack.ts'
import { world } from '../support/world.ts'

test('an assertion by each kind of key lets its agent in, once', async () => {
  const w = await world()
  for (const alg of ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256'] as const) {
    const pair = generateKeyPair(alg, alg.toLowerCase())
    const asked = { agent: 'local', kind: 'public_key', public_jwk: { ...pair.publicJwk } }
    await w.result(addCredential, asked)
    const of = { agentId: w.local.id, issuer: w.issuer }
    const presentedAssertion = await signClientAssertion(privateJwkOf(pair), of, { now: w.now() })
    const presented = { kind: 'assertion', agentId: w.local.id, presentedAssertion } as const
    const here = await w.startProcess()
    expect([alg, await enters(w, presented)]).toEqual([alg, 'allowed'])
    expect([alg, await enters(w, presented, { in: here })]).toEqual([alg, 'replay_detected'])
  }
})

test('the private key in the environment of a process lets it in as long as it is registered', async () => {
  const w = await world()
  const presentedKey = generateKeyPair('EdDSA')
  const presented = { kind: 'private_key', agentId: w.local.id, presentedKey } as const
  expect(await enters(w, presented)).toBe('invalid_client')
  const asked = { agent: 'local', kind: 'public_key', public_jwk: { ...presentedKey.publicJwk } }
  await w.result(addCredential, asked)
  expect(await enters(w, presented)).toBe('allowed')
  expect(await enters(w, { ...presented, agentId: w.admin.id })).toBe('invalid_client')
})
