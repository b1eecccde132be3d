// list_credentials: the credentials of an agent, never their secrets.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'
import { ask, refuse, rootOf } from './asking.ts'

test('each with its status, scopes, end, use and rotation', async () => {
  const w = await world()
  const begun = w.now()
  const key = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at: 'never' }
  const { credential_id: keyId } = await ask(w, addCredential, key)
  w.pass(10)
  const rotated = await ask(w, rotateCredential, { overlap_seconds: 100 }, w.local)
  const { credentials } = await ask(w, listCredentials, {}, w.local)
  expect(credentials).toEqual([
    {
      id: rotated.credential_id,
      kind: 'secret',
      status: 'active',
      created_at: begun + 10,
      rotated_from: w.local.credentialId,
    },
    {
      id: keyId,
      kind: 'api_key',
      status: 'active',
      scopes: ['demo:read'],
      created_at: begun,
      expires_at: 'never',
    },
    {
      id: w.local.credentialId,
      kind: 'secret',
      status: 'retiring',
      created_at: begun,
      last_used_at: begun + 10,
      rotated_to: rotated.credential_id,
      retires_at: begun + 110,
    },
  ])
  const statuses = async () =>
    (await ask(w, listCredentials, { agent: 'local' })).credentials.map(({ status }) => status)
  w.pass(100)
  expect(await statuses()).toEqual(['active', 'active', 'retired'])
  await ask(w, revokeCredential, { credential_id: keyId, cause: 'test' })
  expect(await statuses()).toEqual(['active', 'revoked', 'retired'])
})

test('one’s own by credential; by token or of others with credentials:read', async () => {
  const w = await world()
  const reader = await w.addAgent('reader', 'credentials/local:read')
  const expected = [expect.objectContaining({ id: w.local.credentialId })]
  expect(await ask(w, listCredentials, { agent: 'local' }, w.local)).toEqual({
    credentials: expected,
  })
  expect(await ask(w, listCredentials, { agent: w.local.id }, reader)).toEqual({
    credentials: expected,
  })
  const { presented, grant_id } = await rootOf(w, w.local)
  expect(await refuse(w, listCredentials, {}, presented)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['credentials/local:read'],
    missing_at: grant_id,
  })
  expect(await refuse(w, listCredentials, { act_as: grant_id }, w.local)).toMatchObject({
    code: 'insufficient_scope',
  })
})

test('others without the permission are as good as unknown', async () => {
  const w = await world()
  const { admin } = await w.addOrg('other')
  const unknown = await refuse(w, listCredentials, { agent: 'nobody' }, w.local)
  expect(unknown.code).toBe('not_found')
  expect(await refuse(w, listCredentials, { agent: 'admin' }, w.local)).toEqual(unknown)
  expect(await refuse(w, listCredentials, { agent: w.local.id }, admin)).toEqual(unknown)
})
