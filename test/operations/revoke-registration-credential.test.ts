// revoke_registration_credential: for this very server, the stop of every process.

import { expect, test } from 'vitest'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { registerServer } from '../../src/authority/register-server.ts'
import { putServer } from '../../src/store/servers.ts'
import { world } from '../support/world.ts'
import { ask, childOf, expectRepeats, contents, refuse, whoami } from './asking.ts'

const asked = { server: 'remit', cause: 'test' }

test('the next call of every process is unavailable', async () => {
  const w = await world()
  const other = await w.startProcess()
  expect(await ask(w, whoami, {}, w.local, { in: other })).toMatchObject({ method: 'secret' })
  expect(await ask(w, revokeRegistrationCredential, asked)).toEqual({ revoked_at: w.now() })
  for (const where of [w.context, other]) {
    const { code } = await w.refusal(whoami, {}, w.local, { in: where })
    expect(code).toBe('unavailable')
  }
  await expect(registerServer(w.context, w.registering())).rejects.toMatchObject({
    code: 'invalid_client',
  })
})

test('of another server only that one ends, and once', async () => {
  const w = await world()
  const server = {
    id: w.context.newId('srv'),
    orgId: w.orgId,
    name: 'issues',
    version: '2',
    status: 'active' as const,
    tools: [],
    createdAt: w.now(),
    recordVersion: 1,
  }
  await w.write([putServer(server)])
  const issues = { server: 'issues', cause: 'test' }
  const before = await contents(w)
  const planned = { ...issues, dry_run: true }
  expect(await ask(w, revokeRegistrationCredential, planned)).toEqual({
    revoked_at: w.now(),
    dry_run: true,
  })
  expect((await contents(w))['servers']).toEqual(before['servers'])
  const at = w.now()
  expect(await ask(w, revokeRegistrationCredential, issues)).toEqual({ revoked_at: at })
  w.pass(10)
  const again = { server: server.id, cause: 'again' }
  expect(await ask(w, revokeRegistrationCredential, again)).toEqual({ revoked_at: at })
  await expectRepeats(w, revokeRegistrationCredential, issues, { cause: 'other' })
})

test('refused as it must be', async () => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, revokeRegistrationCredential, asked, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['servers:rotate'],
    missing_at: w.local.id,
  })
  const child = await childOf(w, w.admin, { scopes: ['servers:rotate'] })
  expect(await refuse(w, revokeRegistrationCredential, asked, child.presented)).toMatchObject({
    code: 'exceeds_parent',
    missing_at: child.grant_id,
  })
  const unknown = { ...asked, server: 'nothing' }
  expect(await refuse(w, revokeRegistrationCredential, unknown)).toMatchObject({
    code: 'not_found',
  })
  for (const malformed of [{ server: 'remit' }, { cause: 'x' }, { ...asked, cause: '' }]) {
    expect(await refuse(w, revokeRegistrationCredential, malformed)).toMatchObject({
      code: 'invalid_request',
    })
  }
  expect((await contents(w))['servers']).toEqual(before['servers'])
})
