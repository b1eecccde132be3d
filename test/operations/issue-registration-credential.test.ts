// issue_registration_credential: invites one server by name, once; its name is taken from then on.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { issueRegistrationCredential } from '../../src/operations/issue-registration-credential.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { invited, registering, serverNamed } from '../support/other-server.ts'
import { world } from '../support/world.ts'
import { ask, askForAll, childOf, contents, expectDryRun, refuse } from './asking.ts'

test('it names a server that waits to be registered, and lasts ten minutes', async () => {
  const w = await world()
  const result = await ask(w, issueRegistrationCredential, { server_name: 'notes' })
  expect(result).toEqual({
    credential_id: expect.stringMatching(/^reg_/),
    server_id: expect.stringMatching(/^srv_/),
    expires_at: w.now() + 600,
    delivery: { kind: 'file', path: expect.stringContaining('/deliveries/') },
  })
  expect(w.context.live.server(result.server_id)).toMatchObject({
    name: 'notes',
    status: 'pending',
    createdBy: w.admin.id,
    createdUnder: expect.stringMatching(/^grt_/),
  })
  expect(JSON.parse(readFileSync(result.delivery?.path ?? '', 'utf8'))).toEqual({
    server_id: result.server_id,
    server_name: 'notes',
    issuer: w.issuer,
    audience: `${w.issuer}:${result.server_id}`,
    credential_id: result.credential_id,
    secret: expect.stringMatching(/^rmt_reg_/),
  })
})

test('again, before it was redeemed, replaces it', async () => {
  const w = await world()
  const first = await invited(w, 'notes')
  const second = await invited(w, 'notes', { ttl_seconds: 60 })
  expect(second.serverId).toBe(first.serverId)
  const refused = await w.refusal(registerMcpServer, ...registering(w, first))
  expect(refused.code).toBe('invalid_client')
  expect(await ask(w, registerMcpServer, ...registering(w, second))).toEqual({
    server_id: second.serverId,
    registered_at: w.now(),
    audience: `${w.issuer}:${second.serverId}`,
  })
})

test.each([
  ['that is registered', 'notes'],
  ["that is this server's", 'remit'],
])('a name %s is taken', async (_, server_name) => {
  const w = await world()
  await serverNamed(w, 'notes')
  const before = await contents(w)
  expect(await refuse(w, issueRegistrationCredential, { server_name })).toMatchObject({
    code: 'conflict',
    remedy: { operation: 'rotate_registration_credential' },
  })
  expect(await contents(w)).toEqual(before)
})

test('a name that was revoked is never given away again', async () => {
  const w = await world()
  await serverNamed(w, 'notes')
  await ask(w, revokeRegistrationCredential, { server: 'notes', cause: 'gone' })
  expect(await refuse(w, issueRegistrationCredential, { server_name: 'notes' })).toMatchObject({
    code: 'conflict',
    remedy: { text: 'Choose another name.' },
  })
})

test('permission, arguments and a root are asked for first', async () => {
  const w = await world()
  expect(await refuse(w, issueRegistrationCredential, { server_name: 'x' }, w.local)).toMatchObject(
    { code: 'insufficient_scope', missing: ['servers:register'], missing_at: w.local.id },
  )
  for (const args of [{}, { server_name: 'Notes' }, { server_name: 'srv_' + '0'.repeat(26) }]) {
    expect(await refuse(w, issueRegistrationCredential, args)).toMatchObject({
      code: 'invalid_request',
      failures: expect.arrayContaining([expect.objectContaining({ dimension: 'server_name' })]),
    })
  }
  const child = await childOf(w, w.admin, { scopes: ['servers:register'] })
  const asked = { server_name: 'x' }
  expect(await refuse(w, issueRegistrationCredential, asked, child.presented)).toMatchObject({
    code: 'exceeds_parent',
  })
  expect(
    await refuse(w, issueRegistrationCredential, { ...asked, delivery: 'handoff' }),
  ).toMatchObject({ code: 'invalid_request' })
})

test('a dry run makes nothing', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, issueRegistrationCredential, { server_name: 'notes' })
  expect({ ...dry, credential_id: '', server_id: '' }).toEqual({
    ...real,
    credential_id: '',
    server_id: '',
    delivery: undefined,
    dry_run: true,
  })
})

test('a repeat hands out a fresh secret of the same credential until it was redeemed', async () => {
  const w = await world()
  const asked = { server_name: 'notes', delivery: 'meta', idempotency_key: 'k' }
  const [first, again] = [
    await askForAll(w, issueRegistrationCredential, asked),
    await askForAll(w, issueRegistrationCredential, asked),
  ]
  expect(again.result).toEqual(first.result)
  const secrets = [first, again].map(({ meta }) => meta['dev.remit/secret'] ?? '')
  expect(secrets[0]).not.toBe(secrets[1])
  const { credential_id: credentialId, server_id: serverId } = first.result
  const withSecret = (secret = '') =>
    registering(w, { name: 'notes', credentialId, serverId, secret })
  const { code } = await w.refusal(registerMcpServer, ...withSecret(secrets[0]))
  expect(code).toBe('invalid_client')
  await ask(w, registerMcpServer, ...withSecret(secrets[1]))
  expect(await refuse(w, issueRegistrationCredential, asked)).toMatchObject({ code: 'conflict' })
})
