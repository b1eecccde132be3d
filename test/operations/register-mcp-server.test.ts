// register_mcp_server: by a registration credential or a bound key, and by no agent.

import { expect, test } from 'vitest'
import { generateRegistrationKey } from '../../src/crypto/registration-proof.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, childOf, contents, operationNamed, refuse, rootOf, whoami } from './asking.ts'

const nobody = { kind: 'nothing' } as const

const own = (w: World, change: Record<string, unknown> = {}) => {
  const { name, version, publicJwk, tools } = w.registering()
  return { name, version, public_jwk: publicJwk, tools, resource_types: [], ...change }
}

const byCredential = (w: World, proof = w.proof()) => ({
  meta: { 'dev.remit/registration': w.registration.secret, 'dev.remit/proof': proof },
})

const byKey = (w: World, proof = w.proof()) => ({ meta: { 'dev.remit/proof': proof } })

test('a registration credential registers once; the bound key updates', async () => {
  const w = await world({ registered: false })
  const registered = { server_id: w.serverId, registered_at: w.now(), audience: w.issuer }
  expect(await ask(w, registerMcpServer, own(w), nobody, byCredential(w))).toEqual(registered)
  w.pass(10)
  const changed = own(w, { version: '2', tools: [{ name: 'x' }] })
  expect(await ask(w, registerMcpServer, changed, nobody, byKey(w))).toEqual(registered)
  expect(w.context.live.server(w.serverId)).toMatchObject({ version: '2', tools: [{ name: 'x' }] })
})

test('another key is refused, and so is a proof that was used before', async () => {
  const w = await world()
  const { privateJwk } = generateRegistrationKey()
  const { kty, crv, x } = privateJwk
  const stranger = own(w, { public_jwk: { kty, crv, x } })
  const refused = async (...args: Parameters<typeof byKey>) =>
    (await w.refusal(registerMcpServer, stranger, nobody, byKey(...args))).code
  expect(await refused(w, w.proof({ privateJwk }))).toBe('invalid_client')
  const proof = w.proof()
  await ask(w, registerMcpServer, own(w), nobody, byKey(w, proof))
  const again = await w.refusal(registerMcpServer, own(w), nobody, byKey(w, proof))
  expect(again.code).toBe('replay_detected')
})

test('no agent registers a server, whatever it holds', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.admin, { scopes: ['servers:register'] })
  const before = await contents(w)
  for (const as of [w.admin, presented]) {
    const { code } = await refuse(w, registerMcpServer, own(w), as)
    expect(['invalid_client', 'wrong_credential_class']).toContain(code)
  }
  expect((await contents(w))['servers']).toEqual(before['servers'])
})

test('a registration credential is good for nothing else', async () => {
  const w = await world()
  for (const operation of [whoami, operationNamed('introspect_token')]) {
    const refused = await w.refusal(operation, {}, nobody, byCredential(w))
    expect(refused.code).toBe('wrong_credential_class')
  }
  const presentedSecret = w.registration.secret
  const { code } = await w.refusal(whoami, {}, { kind: 'api_key', presentedSecret })
  expect(code).toBe('wrong_credential_class')
})

test.each<[string, Record<string, unknown>]>([
  ['no name', { name: undefined }],
  ['a name that is none', { name: 'Re Mit' }],
  ['an empty version', { version: '' }],
  ['tools whose name cannot stand in a scope', { tools: [{ name: 'createIssue' }] }],
  ['two tools of one name', { tools: [{ name: 'a' }, { name: 'b', scope_name: 'a' }] }],
  ['an unknown argument', { colour: 'red' }],
  ['act_as', { act_as: 'grt_00000000000000000000000001' }],
])('%s is malformed', async (_, change) => {
  const w = await world()
  const refused = await w.refusal(registerMcpServer, own(w, change), nobody, byKey(w))
  expect(refused.code).toBe('invalid_request')
})

test('no tool is delegated by that', async () => {
  const w = await world()
  await ask(w, registerMcpServer, own(w, { tools: [{ name: 'x' }] }), nobody, byKey(w))
  const child = await childOf(w, w.admin, { scopes: ['tool/remit/x:invoke'] })
  expect(child.scopes).toEqual(['tool/remit/x:invoke'])
})
