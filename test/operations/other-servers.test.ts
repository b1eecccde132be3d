// Other MCP servers: what a registered one brings into the organisation and may ask for itself.

import { describe, expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { listMcpServers } from '../../src/operations/list-mcp-servers.ts'
import { listResourceTypes } from '../../src/operations/list-resource-types.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { operationSurface } from '../../src/transports/operation-surface.ts'
import { aboutServer, byKey, invited, registering, serverNamed } from '../support/other-server.ts'
import type { OtherServer } from '../support/other-server.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, contents, lastEvent, refuse, rootOf } from './asking.ts'

const nobody = { kind: 'nothing' } as const
const tools = [{ name: 'createNote', scope_name: 'create_note' }, { name: 'read_note' }]
const types = [{ type: 'notes', operations: ['read', 'write'] }]
const brought = { tools, resource_types: types }
const named = (w: World, { serverId }: OtherServer) => `${w.issuer}:${serverId}`

const update = (w: World, server: OtherServer, change: Record<string, unknown> = {}) =>
  ask(
    w,
    registerMcpServer,
    aboutServer(server.name, server.privateJwk, change),
    nobody,
    byKey(w, server),
  )

describe('registering', () => {
  test('lists it with its tools, and its types belong to it', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', brought)
    const { servers } = await ask(w, listMcpServers)
    expect(servers.find(({ id }) => id === notes.serverId)).toEqual({
      id: notes.serverId,
      name: 'notes',
      version: '1',
      status: 'active',
      tools,
      registered_at: w.now(),
      last_seen_at: w.now(),
      created_at: w.now(),
      created_by: w.admin.id,
      created_under: expect.stringMatching(/^grt_/),
    })
    const { resource_types } = await ask(w, listResourceTypes)
    expect(resource_types.find(({ type }) => type === 'notes')).toMatchObject({
      operations: ['read', 'write'],
      owner_id: notes.serverId,
      created_under: notes.credentialId,
    })
    const more = { type: 'notes', operations: ['read', 'write', 'burn'], description: '' }
    expect(await refuse(w, registerResourceType, more)).toMatchObject({ code: 'conflict' })
  })

  test('again by its key is a heartbeat, or adds operations and tools', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', brought)
    const registered_at = w.now()
    w.pass(3600)
    const seq = w.context.live.seq
    expect(await update(w, notes, brought)).toEqual({
      server_id: notes.serverId,
      registered_at,
      audience: named(w, notes),
    })
    expect(w.context.live.seq).toBe(seq)
    const { servers } = await ask(w, listMcpServers, { status: 'active' })
    expect(servers.map(({ last_seen_at }) => last_seen_at)).toEqual([w.now() - 3600, w.now()])
    const more = [{ type: 'notes', operations: ['read', 'write', 'share'] }]
    await update(w, notes, { ...brought, version: '2', resource_types: more })
    expect(w.context.live.resourceType(w.orgId, 'notes')?.operations.has('share')).toBe(true)
    expect(w.context.live.server(notes.serverId)?.version).toBe('2')
  })

  test.each([
    ['a reserved type', [{ type: 'tokens', operations: ['read'] }], 'conflict'],
    ["another's type", [{ type: 'demo', operations: ['read', 'write', 'delete'] }], 'conflict'],
    ['the type of tools', [{ type: 'tool', operations: ['invoke'] }], 'conflict'],
    ['fewer operations than before', [{ type: 'notes', operations: ['read'] }], 'conflict'],
    ['one type twice', [types[0], types[0]], 'invalid_request'],
  ])('%s is refused, and nothing else is taken in', async (_, resource_types, code) => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', brought)
    const before = await contents(w)
    const args = aboutServer('notes', notes.privateJwk, { version: '9', resource_types })
    const refused = await w.refusal(registerMcpServer, args, nobody, byKey(w, notes))
    expect(refused.code).toBe(code)
    expect(await contents(w)).toEqual(before)
  })

  test('a dry run changes nothing, and redeems nothing', async () => {
    const w = await world()
    const invitation = await invited(w, 'notes')
    const before = await contents(w)
    const dry = await ask(
      w,
      registerMcpServer,
      ...registering(w, invitation, { ...brought, dry_run: true }),
    )
    expect(dry).toMatchObject({ server_id: invitation.serverId, dry_run: true })
    const after = await contents(w)
    expect({ ...after, used_proofs: [] }).toEqual({ ...before, used_proofs: [] })
    await ask(w, registerMcpServer, ...registering(w, invitation, brought))
  })

  test('a registered server sees what is for servers', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes')
    const surface = operationSurface(w.context, nobody)
    const { items } = await surface.listTools(byKey(w, notes))
    expect(items.map(({ name }) => name)).toEqual(['introspect_token', 'register_mcp_server'])
  })
})

describe('its tools', () => {
  test.each([
    ['tool/notes/create_note:invoke', true],
    ['tool/notes/**:invoke', true],
    ['tool/notes/*:invoke', true],
    ['tool/*/read_note:invoke', true],
    ['tool:invoke', true],
    ['tool/notes/createnote:invoke', false],
    ['tool/note/read_note:invoke', false],
    ['tool/other/**:invoke', false],
    ['tool/notes:invoke', false],
    ['tool/notes/read_note/more:invoke', false],
    ['tool/notes/read_note:call', false],
  ])('%s can be granted: %s', async (scope, isThere) => {
    const w = await world()
    await serverNamed(w, 'notes', brought)
    const answer = await w.call(mintToken, { scopes: [scope] })
    expect(answer.ok ? 'allowed' : answer.refusal.code).toBe(isThere ? 'allowed' : 'invalid_scope')
  })

  test('one that is not there names the nearest that is', async () => {
    const w = await world()
    await serverNamed(w, 'notes', brought)
    const asked = { scopes: ['tool/notes/create_nota:invoke'] }
    expect((await refuse(w, mintToken, asked)).failures).toEqual([
      {
        code: 'invalid_scope',
        dimension: 'scopes.0',
        asked: 'tool is not registered; nearest: tool/notes/create_note:invoke',
      },
    ])
  })

  test('withdrawn are named by nobody, and offered again come back to new grants only', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', brought)
    const scopes = ['tool/notes/read_note:invoke', 'tool/notes/create_note:invoke']
    const audience = [w.issuer, 'notes']
    const held = await rootOf(w, w.admin, { scopes, audience })
    const wide = await rootOf(w, w.admin, { scopes: ['tool/notes/**:invoke'] })
    const codes = async ({ presented }: typeof held) =>
      (await ask(w, checkPermission, { permissions: scopes }, presented)).results.map(
        ({ code }) => code,
      )
    expect(await codes(held)).toEqual(['allowed', 'allowed'])
    await update(w, notes, { ...brought, tools: [tools[0]] })
    expect(await codes(held)).toEqual(['invalid_scope', 'allowed'])
    await update(w, notes, brought)
    expect(await codes(held)).toEqual(['insufficient_scope', 'allowed'])
    expect(await codes(wide)).toEqual(['insufficient_scope', 'allowed'])
    expect(await codes(await rootOf(w, w.admin, { scopes }))).toEqual(['allowed', 'allowed'])
    const { scope } = await ask(w, introspectToken, { grant_id: held.grant_id })
    expect(scope).toBe('tool/notes/create_note:invoke')
    const told = await ask(w, introspectToken, { grant_id: wide.grant_id })
    expect(told.scope).toBe('tool/notes/create_note:invoke')
  })
})

describe('introspecting', () => {
  const about = (presented: { readonly presentedToken: string }) => ({
    'dev.remit/subject_token': presented.presentedToken,
  })

  async function opened(args: Record<string, unknown> = {}) {
    const w = await world()
    const notes = await serverNamed(w, 'notes', brought)
    const other = await serverNamed(w, 'other')
    const scopes = ['tool/notes/read_note:invoke']
    const held = await rootOf(w, w.admin, { scopes, audience: ['notes'], ...args })
    const asks = async (server: OtherServer, more: Record<string, unknown> = {}) =>
      ask(w, introspectToken, more, nobody, byKey(w, server, about(held.presented)))
    return { w, notes, other, held, asks }
  }

  test('tells a server what a token for it is', async () => {
    const { w, notes, held, asks } = await opened()
    expect(await asks(notes)).toEqual({
      active: true,
      scope: 'tool/notes/read_note:invoke',
      sub: w.admin.id,
      aud: named(w, notes),
      client_id: w.admin.id,
      iat: w.now(),
      exp: held.expires_at,
      jti: held.token_id,
      iss: w.issuer,
      token_type: 'Bearer',
      grant_id: held.grant_id,
      lineage: [],
      depth: 0,
      max_depth: 5,
    })
    const event = await lastEvent(w)
    expect(event).toMatchObject({ operation: 'introspect_token', target: held.grant_id })
    expect(JSON.parse(String(event['presented']))).toEqual({
      method: 'registration',
      credential_id: notes.credentialId,
    })
  })

  test('tells any other nothing, by token, by id and by grant', async () => {
    const { w, notes, other, held, asks } = await opened()
    expect(await asks(other)).toEqual({ active: false })
    for (const args of [{ token_id: held.token_id }, { grant_id: held.grant_id }]) {
      expect(await ask(w, introspectToken, args, nobody, byKey(w, other))).toEqual({
        active: false,
      })
      expect(await ask(w, introspectToken, args, nobody, byKey(w, notes))).toMatchObject({
        active: true,
      })
    }
  })

  test('spends a use, and is inactive when none is left', async () => {
    const { w, notes, other, held, asks } = await opened({ uses: 2 })
    expect(await asks(other, { spend: true })).toEqual({ active: false })
    expect(await asks(notes)).toMatchObject({ active: true, uses_left: 2 })
    expect(await asks(notes, { spend: true })).toMatchObject({ active: true, uses_left: 1 })
    expect(await asks(notes, { spend: true })).toMatchObject({ active: true, uses_left: 0 })
    expect(await asks(notes, { spend: true })).toEqual({ active: false })
    const ended = await w.refusal(introspectToken, { grant_id: held.grant_id, spend: true })
    expect(ended.code).toBe('insufficient_scope')
  })
})
