// revoke_credential: ends a credential now, and by default the grants that came from it.

import { describe, expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'
import {
  ask,
  childOf,
  contents,
  expectDryRun,
  expectRepeats,
  refuse,
  rootOf,
  whoami,
} from './asking.ts'

const cause = 'test'

test('the credential and its grants are dead at once', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const asked = { credential_id: w.local.credentialId, cause }
  expect(await ask(w, revokeCredential, asked)).toEqual({ revoked_at: w.now() })
  expect(await refuse(w, whoami, {}, w.local)).toMatchObject({ code: 'invalid_client' })
  expect(await refuse(w, whoami, {}, root.presented)).toMatchObject({ code: 'invalid_token' })
})

test('without kill_tokens it retires in peace', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const asked = { credential_id: w.local.credentialId, cause, kill_tokens: false }
  expect(await ask(w, revokeCredential, asked)).toEqual({ revoked_at: w.now() })
  expect(await refuse(w, whoami, {}, w.local)).toMatchObject({ code: 'invalid_client' })
  expect(await ask(w, whoami, {}, root.presented)).toMatchObject({ method: 'token' })
  const { credentials } = await ask(w, listCredentials, { agent: 'local' })
  expect(credentials).toMatchObject([{ status: 'retired' }])
})

test.each([
  [true, 3],
  [false, 0],
])('with kill_tokens %s it counts %i grants', async (kill_tokens, grants_ended) => {
  const w = await world()
  const root = await rootOf(w, w.local)
  await childOf(w, root.presented, { scopes: ['demo:read'] })
  const asked = { credential_id: w.local.credentialId, cause, kill_tokens, count: true }
  expect(await ask(w, revokeCredential, asked)).toEqual({ revoked_at: w.now(), grants_ended })
})

describe('by what right', () => {
  test('one’s own by credential, others with credentials:revoke, however strong', async () => {
    const w = await world()
    const made = { agent: 'local', kind: 'secret' }
    const { credential_id } = await ask(w, addCredential, made)
    expect(await ask(w, revokeCredential, { credential_id, cause }, w.local)).toHaveProperty(
      'revoked_at',
    )
    const warden = await w.addAgent('warden', 'credentials/local:revoke')
    const asked = { credential_id: w.local.credentialId, cause }
    expect(await ask(w, revokeCredential, asked, warden)).toHaveProperty('revoked_at')
  })

  test('others are as good as unknown without it', async () => {
    const w = await world()
    const unknown = { credential_id: w.context.newId('crd'), cause }
    const no = await refuse(w, revokeCredential, unknown, w.local)
    expect(no.code).toBe('not_found')
    const foreign = { credential_id: w.admin.credentialId, cause }
    expect(await refuse(w, revokeCredential, foreign, w.local)).toEqual(no)
    const { admin } = await w.addOrg('other')
    const elsewhere = { credential_id: admin.credentialId, cause }
    expect(await refuse(w, revokeCredential, elsewhere)).toEqual(no)
  })

  test('a token needs the permission for its own agent too', async () => {
    const w = await world()
    const { presented, grant_id } = await rootOf(w, w.local)
    const asked = { credential_id: w.local.credentialId, cause }
    expect(await refuse(w, revokeCredential, asked, presented)).toMatchObject({
      code: 'insufficient_scope',
      missing: ['credentials/local:revoke'],
      missing_at: grant_id,
    })
  })

  test('a retiring credential revokes none', async () => {
    const w = await world()
    const { credential_id } = await ask(w, rotateCredential, {}, w.local)
    expect(await refuse(w, revokeCredential, { credential_id, cause }, w.local)).toMatchObject({
      code: 'conflict',
    })
  })
})

test('the last credential of the last administrator stays', async () => {
  const w = await world()
  const asked = { credential_id: w.admin.credentialId, cause }
  expect(await refuse(w, revokeCredential, asked)).toMatchObject({ code: 'conflict' })
  await ask(w, addCredential, { agent: 'admin', kind: 'secret' })
  expect(await ask(w, revokeCredential, asked)).toEqual({ revoked_at: w.now() })
})

test.each<Record<string, unknown>>([
  { cause },
  { credential_id: 'crd_00000000000000000000000001' },
  { credential_id: 'local', cause },
  { credential_id: 'crd_00000000000000000000000001', cause, kill_tokens: 'yes' },
  {
    credential_id: 'crd_00000000000000000000000001',
    cause,
    act_as: 'grt_00000000000000000000000001',
  },
])('%j is malformed', async (asked) => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, revokeCredential, asked)).toMatchObject({ code: 'invalid_request' })
  expect((await contents(w))['credentials']).toEqual(before['credentials'])
})

test('a dry run counts and ends nothing', async () => {
  const w = await world()
  await rootOf(w, w.local)
  const asked = { credential_id: w.local.credentialId, cause }
  const { dry } = await expectDryRun(w, revokeCredential, asked)
  expect(dry).toEqual({ revoked_at: w.now(), grants_ended: 2, dry_run: true })
})

test('a repeat answers the same', async () => {
  const w = await world()
  const asked = { credential_id: w.local.credentialId, cause, count: true }
  await expectRepeats(w, revokeCredential, asked, { cause: 'other' })
})
