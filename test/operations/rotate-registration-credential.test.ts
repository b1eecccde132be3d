// rotate_registration_credential: the old key stays good until the new credential is redeemed.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { registerServer } from '../../src/authority/register-server.ts'
import type { RegistrationFile } from '../../src/authority/registration-file.ts'
import { rotateRegistrationCredential } from '../../src/operations/rotate-registration-credential.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, childOf, contents, expectDryRun, refuse } from './asking.ts'

const rotated = async (w: World, args: Record<string, unknown> = {}) => {
  const result = await ask(w, rotateRegistrationCredential, { server: 'remit', ...args })
  const file = JSON.parse(readFileSync(result.delivery?.path ?? '', 'utf8')) as RegistrationFile
  return { result, file }
}

const redeem = async (w: World, { private_jwk, credential_id, secret }: RegistrationFile) => {
  const { kty, crv, x } = private_jwk
  const presentedProof = w.proof({ privateJwk: private_jwk, credentialId: credential_id })
  const publicJwk = { kty, crv, x }
  const about = { ...w.registering(), presentedSecret: secret, presentedProof, publicJwk }
  return (await registerServer(w.context, about)).result
}

const prove = async (w: World) => {
  const { presentedSecret: _, ...about } = w.registering()
  return (await registerServer(w.context, about)).result
}

test('the file holds what a start needs', async () => {
  const w = await world()
  const { result, file } = await rotated(w)
  expect(result).toEqual({
    credential_id: expect.stringMatching(/^reg_/),
    old_credential_id: w.registration.credential_id,
    expires_at: w.now() + 600,
    delivery: { kind: 'file', path: expect.stringContaining('/deliveries/') },
  })
  expect(file).toEqual({
    server_id: w.serverId,
    credential_id: result.credential_id,
    secret: expect.stringMatching(/^rmt_reg_/),
    private_jwk: expect.objectContaining({ kty: 'OKP' }),
  })
})

test('redeeming it ends the old key at that moment', async () => {
  const w = await world()
  const { file } = await rotated(w)
  expect(await prove(w)).toMatchObject({ server_id: w.serverId })
  await redeem(w, file)
  await expect(prove(w)).rejects.toMatchObject({ code: 'invalid_client' })
})

test('it must be redeemed in time, and only the newest can be', async () => {
  const w = await world()
  const first = await rotated(w)
  const second = await rotated(w, { server: w.serverId, ttl_seconds: 60 })
  expect(second.result.expires_at).toBe(w.now() + 60)
  await expect(redeem(w, first.file)).rejects.toMatchObject({ code: 'invalid_client' })
  w.pass(60)
  await expect(redeem(w, second.file)).rejects.toMatchObject({ code: 'invalid_client' })
  expect(await prove(w)).toMatchObject({ server_id: w.serverId })
})

test.each(['meta', 'inline'])('the secret may be delivered by %s', async (delivery) => {
  const w = await world()
  const result = await ask(w, rotateRegistrationCredential, { server: 'remit', delivery })
  expect(result.delivery?.kind).toBe(delivery)
})

describe('refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a handoff', { delivery: 'handoff' }, 'invalid_request'],
    ['a handle', { delivery: 'handle' }, 'invalid_request'],
    ['sealed delivery', { delivery: 'sealed' }, 'invalid_request'],
    ['a life of no seconds', { ttl_seconds: 0 }, 'invalid_request'],
    ['no server', { server: undefined }, 'invalid_request'],
    ['an unknown server', { server: 'issues' }, 'not_found'],
    ['an unknown id', { server: 'srv_00000000000000000000000zzz' }, 'not_found'],
  ])('%s', async (_, change, code) => {
    const w = await world()
    const before = await contents(w)
    const asked = { server: 'remit', ...change }
    expect(await refuse(w, rotateRegistrationCredential, asked)).toMatchObject({ code })
    expect((await contents(w))['registrations']).toEqual(before['registrations'])
  })

  test('without servers:rotate, under a delegated grant, from elsewhere', async () => {
    const w = await world()
    const asked = { server: 'remit' }
    expect(await refuse(w, rotateRegistrationCredential, asked, w.local)).toMatchObject({
      code: 'insufficient_scope',
      missing: ['servers:rotate'],
      missing_at: w.local.id,
    })
    const child = await childOf(w, w.admin, { scopes: ['servers:rotate'] })
    expect(await refuse(w, rotateRegistrationCredential, asked, child.presented)).toMatchObject({
      code: 'exceeds_parent',
      missing_at: child.grant_id,
    })
    const { admin } = await w.addOrg('other')
    expect(
      await refuse(w, rotateRegistrationCredential, { server: w.serverId }, admin),
    ).toMatchObject({ code: 'not_found' })
  })
})

test('a dry run makes nothing', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, rotateRegistrationCredential, { server: 'remit' })
  expect(dry).toEqual({
    ...real,
    credential_id: dry.credential_id,
    delivery: undefined,
    dry_run: true,
  })
})

test('a repeat hands out a fresh one while none was redeemed', async () => {
  const w = await world()
  const first = await rotated(w, { idempotency_key: 'k' })
  const again = await rotated(w, { idempotency_key: 'k' })
  expect(again.result.old_credential_id).toBe(first.result.old_credential_id)
  expect(again.file.secret).not.toBe(first.file.secret)
  await expect(redeem(w, first.file)).rejects.toMatchObject({ code: 'invalid_client' })
  const other = { server: 'remit', ttl_seconds: 60, idempotency_key: 'k' }
  expect(await refuse(w, rotateRegistrationCredential, other)).toMatchObject({ code: 'conflict' })
  await redeem(w, again.file)
  const asked = { server: 'remit', idempotency_key: 'k' }
  expect(await refuse(w, rotateRegistrationCredential, asked)).toMatchObject({ code: 'conflict' })
})
