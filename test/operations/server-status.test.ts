// server_status: how this server is, told to the first organisation only.

import { expect, test } from 'vitest'
import { writeCheckpoint } from '../../src/authority/checkpoint.ts'
import { rotateRegistrationCredential } from '../../src/operations/rotate-registration-credential.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { serverStatus } from '../../src/operations/server-status.ts'
import { keyPurposes } from '../../src/store/signing-keys.ts'
import { world } from '../support/world.ts'
import { ask, contents, refuse } from './asking.ts'

test('registration, keys, store and the end of the audit', async () => {
  const w = await world()
  const begun = w.now()
  w.pass(1)
  await ask(w, serverStatus)
  await w.context.audit.flush()
  await writeCheckpoint(w.context)
  const count = w.read(`select count(*) from audit_events`)
  const head = w.read(`select hash from audit_events order by at desc, seq desc limit 1`)
  const key = (purpose: string) => ({
    kid: expect.stringMatching(/^key_/),
    status: 'active',
    alg: 'EdDSA',
    created_at: begun,
    purpose,
  })
  expect(await ask(w, serverStatus)).toEqual({
    server: { id: w.serverId, name: 'remit', version: '1', registered_at: begun },
    signing_keys: keyPurposes.map(key),
    store: w.context.store.engine,
    schema_version: w.read(`select max(number) from remit_migrations`),
    change_seq: (await contents(w))['changes']?.length,
    audit: {
      count,
      head,
      checkpoint_at: begun + 1,
    },
  })
})

test('keys that were rotated, and a registration that waits, are told', async () => {
  const w = await world()
  const old = await ask(w, serverStatus)
  const { kid } = await ask(w, rotateSigningKey, { retire_after_seconds: 60 })
  const { expires_at } = await ask(w, rotateRegistrationCredential, { server: 'remit' })
  const status = await ask(w, serverStatus)
  expect(status.server.registration_expires_at).toBe(expires_at)
  const statuses = (of: typeof status) => of.signing_keys.map((key) => [key.kid, key.status])
  expect(statuses(status)).toEqual([
    [old.signing_keys[0]?.kid, 'retiring'],
    [kid, 'active'],
    ...old.signing_keys.slice(1).map((key) => [key.kid, 'active']),
  ])
  w.pass(60)
  expect(statuses(await ask(w, serverStatus))[0]?.[1]).toBe('retired')
  w.pass(600)
  expect((await ask(w, serverStatus)).server).not.toHaveProperty('registration_expires_at')
})

test('it needs servers:read, of the first organisation', async () => {
  const w = await world()
  expect(await refuse(w, serverStatus, {}, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['servers:read'],
    missing_at: w.local.id,
  })
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, serverStatus, {}, admin)).toMatchObject({ code: 'insufficient_scope' })
})
