// Attacks on and by other MCP servers (authority: 22 to 24, 26 to 28, 32): whoever holds one registration
// credential, one key or one token gets no further than the one server it is for.

import { describe, expect, test } from 'vitest'
import { generateRegistrationKey } from '../../src/crypto/registration-proof.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { operations } from '../../src/operations/index.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import {
  aboutServer,
  byKey,
  invited,
  proofBy,
  registering,
  serverNamed,
} from '../support/other-server.ts'
import type { OtherServer } from '../support/other-server.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { codeOf, minted, tally, tried } from './attack.ts'

const nobody = { kind: 'nothing' } as const
const whoami = whoamiAmong(() => [])
const tools = [{ name: 'read' }]
const toolScope = 'tool/notes/read:invoke'

const register = async (w: World, ...args: ReturnType<typeof registering>) =>
  codeOf(await w.call(registerMcpServer, ...args))

const findings = async (w: World) => {
  await w.context.audit.flush()
  const { events } = await w.result(queryAudit, { operation: 'register_mcp_server' })
  return events.map(({ detail }) => (detail as { finding?: string }).finding).filter(Boolean)
}

/** What a server is answered about a token. */
const introspected = (w: World, server: OtherServer, token: string, in_ = w.context) =>
  w.call(introspectToken, {}, nobody, {
    ...byKey(w, server, { 'dev.remit/subject_token': token }),
    in: in_,
  })

describe('a registration credential', () => {
  test('is bound to the first key; a second is refused with a finding', async () => {
    const w = await world()
    const invitation = await invited(w, 'notes')
    expect(await register(w, ...registering(w, invitation))).toBe('allowed')
    expect(await register(w, ...registering(w, invitation))).toBe('invalid_client')
    expect(await findings(w)).toEqual(['second_server_key'])
  })

  test('redeemed twice at once, in two processes, is bound to one key', async () => {
    const w = await world()
    const other = await w.startProcess()
    const invitation = await invited(w, 'notes')
    await other.live.refresh()
    const answers = await Promise.all(
      [w.context, other].map((context) => {
        const [args, as, request] = registering(w, invitation)
        return w.call(registerMcpServer, args, as, { ...request, in: context })
      }),
    )
    expect(tally(answers)).toEqual({ allowed: 1, invalid_client: 1 })
  })

  test('has its time, its name and its one use', async () => {
    const w = await world()
    const invitation = await invited(w, 'notes', { ttl_seconds: 60 })
    const { privateJwk } = generateRegistrationKey()
    const [, , { meta }] = registering(w, invitation, {}, privateJwk)
    const asOther = {
      'dev.remit/registration': invitation.secret,
      'dev.remit/proof': proofBy(w, { ...invitation, name: 'other' }, privateJwk),
    }
    const named = aboutServer('other', privateJwk)
    for (const [args, presented] of [
      [named, meta],
      [named, asOther],
      [aboutServer('notes', privateJwk), asOther],
    ] as const) {
      const answer = await w.call(registerMcpServer, args, nobody, { meta: presented })
      expect(codeOf(answer)).toBe('invalid_client')
    }
    const audience = `${w.issuer}x`
    const abroad = { ...meta, 'dev.remit/proof': proofBy(w, invitation, privateJwk, { audience }) }
    const mine = aboutServer('notes', privateJwk)
    expect(codeOf(await w.call(registerMcpServer, mine, nobody, { meta: abroad }))).toBe(
      'invalid_client',
    )
    w.pass(60)
    expect(await register(w, ...registering(w, invitation))).toBe('invalid_client')
    expect(w.context.live.server(invitation.serverId)?.status).toBe('pending')
  })

  test('is no credential of an agent, nor an agent’s one of a server', async () => {
    const w = await world()
    const { secret } = await invited(w, 'notes')
    const asAgent = { kind: 'secret', agentId: w.admin.id, presentedSecret: secret } as const
    for (const as of [asAgent, { kind: 'api_key', presentedSecret: secret } as const]) {
      expect((await w.refusal(whoami, {}, as)).code).toBe('wrong_credential_class')
    }
    expect((await w.refusal(whoami, {}, { kind: 'token', presentedToken: secret })).code).toBe(
      'wrong_credential_class',
    )
    const { text } = await minted(w, w.admin, { scopes: ['servers:register'] })
    for (const [presented, code] of [
      [w.admin.secret, 'wrong_credential_class'],
      [newSecret('management_token').reveal(), 'wrong_credential_class'],
      [text, 'invalid_client'],
    ] as const) {
      const invitation = { ...(await invited(w, 'notes')), secret: presented }
      expect(await register(w, ...registering(w, invitation))).toBe(code)
    }
  })

  test('of a root that was revoked is named to whoever asks what was made under it', async () => {
    const w = await world()
    const root = await minted(w, w.admin, { scopes: ['servers:register'] })
    const holder = { ...w.admin, presented: root.presented }
    const { serverId, credentialId } = await invited(w, 'notes', {}, holder)
    const asked = { grant_id: root.grantId, cause: 'test', dry_run: true }
    const { made_under } = await w.result(revokeToken, asked)
    expect(made_under).toEqual([serverId, credentialId])
  })
})

describe('a registered server', () => {
  test('by its proof may do nothing else than register and introspect', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes')
    const own = new Set(['register_mcp_server', 'introspect_token'])
    for (const { name } of operations.filter((each) => !own.has(each.name))) {
      expect([name, await tried(w, name, {}, w.admin, byKey(w, notes))]).toEqual([
        name,
        'wrong_credential_class',
      ])
    }
  })

  test('uses each proof once, for whatever it asks', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes')
    const request = byKey(w, notes)
    const about = { token_id: 'tok_00000000000000000000000001' }
    expect((await w.call(introspectToken, about, nobody, request)).ok).toBe(true)
    expect(codeOf(await w.call(introspectToken, about, nobody, request))).toBe('replay_detected')
    const args = aboutServer('notes', notes.privateJwk)
    expect(codeOf(await w.call(registerMcpServer, args, nobody, request))).toBe('replay_detected')
    const other = await w.startProcess()
    expect(codeOf(await w.call(introspectToken, about, nobody, { ...request, in: other }))).toBe(
      'replay_detected',
    )
  })

  test('passes for no other by that one’s name, credential or key', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes')
    const other = await serverNamed(w, 'other')
    const forged: OtherServer[] = [
      { ...notes, privateJwk: other.privateJwk },
      { ...notes, name: 'other' },
      { ...notes, credentialId: other.credentialId },
      { ...other, credentialId: notes.credentialId },
      { ...notes, credentialId: 'reg_00000000000000000000000001' },
    ]
    for (const server of forged) {
      const answer = await w.call(introspectToken, { token: 'x' }, nobody, byKey(w, server))
      expect(codeOf(answer)).toBe('invalid_client')
    }
  })

  test('learns of tokens that are not for it that they are inactive, and nothing else', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', { tools })
    await serverNamed(w, 'other')
    const own = await minted(w, w.admin, { scopes: [toolScope], audience: ['notes'] })
    const forRemit = await minted(w, w.admin, {
      scopes: [toolScope],
      audience: [w.issuer, 'notes'],
    })
    const forOther = await minted(w, w.admin, { scopes: [toolScope], audience: ['other'] })
    expect(await introspected(w, notes, own.text)).toMatchObject({ result: { active: true } })
    for (const text of [forRemit.text, forOther.text, `${own.text}x`, 'garbage', notes.secret]) {
      expect(await introspected(w, notes, text)).toEqual({ ok: true, result: { active: false } })
    }
    expect((await w.refusal(whoami, {}, own.presented)).code).toBe('invalid_token')
  })

  test('brings no tool or type under another name than its own', async () => {
    const w = await world()
    const notes = await serverNamed(w, 'notes', {
      tools,
      resource_types: [{ type: 'notes', operations: ['read'] }],
    })
    const other = await serverNamed(w, 'other')
    const rows: [object, string][] = [
      [{ tools: [{ name: 'notes/read' }] }, 'invalid_request'],
      [{ tools: [{ name: 'x', scope_name: 'notes/read' }] }, 'invalid_request'],
      [{ tools: [{ name: 'x', scope_name: '../notes' }] }, 'invalid_request'],
      [{ tools: [{ name: 'x', scope_name: '**' }] }, 'invalid_request'],
      [{ tools: [{ name: 'X' }] }, 'invalid_request'],
      [
        {
          tools: [
            { name: 'x', scope_name: 'a' },
            { name: 'x', scope_name: 'b' },
          ],
        },
        'invalid_request',
      ],
      [{ resource_types: [{ type: 'notes', operations: ['read'] }] }, 'conflict'],
      [{ resource_types: [{ type: 'demo', operations: ['read', 'write', 'delete'] }] }, 'conflict'],
      [{ name: 'notes' }, 'invalid_client'],
    ]
    for (const [change, code] of rows) {
      const args = { ...aboutServer('other', other.privateJwk), ...change }
      expect([
        change,
        codeOf(await w.call(registerMcpServer, args, nobody, byKey(w, other))),
      ]).toEqual([change, code])
    }
    expect(w.context.live.resourceType(w.orgId, 'notes')?.ownerId).toBe(notes.serverId)
    expect(w.context.live.tools(w.orgId).map(({ text }) => text)).toEqual([toolScope])
  })

  test('takes no more uses than there are, however many it asks for at once', async () => {
    const w = await world()
    const other = await w.startProcess()
    const notes = await serverNamed(w, 'notes', { tools })
    const limited = await minted(w, w.admin, { scopes: [toolScope], audience: ['notes'], uses: 3 })
    await other.live.refresh()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        w.call(introspectToken, { spend: true }, nobody, {
          ...byKey(w, notes, { 'dev.remit/subject_token': limited.text }),
          in: i % 2 === 0 ? w.context : other,
        }),
      ),
    )
    const active = answers.filter((answer) => answer.ok && answer.result['active'] === true)
    expect([active.length, tally(answers)]).toEqual([3, { allowed: 10 }])
  })

  test('revoked in another process is nobody at the next call, and its tools and tokens are dead', async () => {
    const w = await world()
    const other = await w.startProcess()
    const notes = await serverNamed(w, 'notes', { tools })
    const held = await minted(w, w.admin, {
      scopes: [toolScope, 'permissions:check'],
      audience: ['notes'],
    })
    await other.live.refresh()
    expect(await introspected(w, notes, held.text)).toMatchObject({ result: { active: true } })
    const revoking = { server: 'notes', cause: 'test' }
    await w.result(revokeRegistrationCredential, revoking, w.admin, { in: other })
    expect(codeOf(await introspected(w, notes, held.text))).toBe('invalid_client')
    const args = aboutServer('notes', notes.privateJwk)
    expect(codeOf(await w.call(registerMcpServer, args, nobody, byKey(w, notes)))).toBe(
      'invalid_client',
    )
    const asked = { permissions: [toolScope], grant_id: held.grantId }
    const { results } = await w.result(checkPermission, asked)
    expect(results.map(({ code }) => code)).toEqual(['invalid_scope'])
    const seen = await w.result(introspectToken, { token: held.text })
    expect(seen).toEqual({ active: false, reason: 'invalid_token' })
    expect(
      await tried(w, 'mint_token', { scopes: ['demo:read'], audience: ['notes'] }, w.admin),
    ).toBe('invalid_target')
  })
})

test('while Remit itself is revoked no server registers, and none is answered', async () => {
  const w = await world()
  const notes = await serverNamed(w, 'notes')
  const invitation = await invited(w, 'other')
  await w.result(revokeRegistrationCredential, { server: 'remit', cause: 'test' })
  expect(await register(w, ...registering(w, invitation))).toBe('unavailable')
  const args = aboutServer('notes', notes.privateJwk)
  const again = await w.call(registerMcpServer, args, nobody, byKey(w, notes))
  expect(codeOf(again)).toBe('unavailable')
  expect(codeOf(await introspected(w, notes, 'x'))).toBe('unavailable')
})

describe('servers of two organisations', () => {
  test('share a name and nothing else', async () => {
    const w = await world()
    const { orgId, admin } = await w.addOrg('second')
    const ours = await serverNamed(w, 'notes', { tools })
    const theirs = await serverNamed(w, 'notes', { tools: [{ name: 'write' }] }, admin)
    const held = await minted(w, admin, {
      scopes: ['tool/notes/write:invoke'],
      audience: ['notes'],
    })
    expect(await introspected(w, theirs, held.text)).toMatchObject({ result: { active: true } })
    expect(await introspected(w, ours, held.text)).toEqual({ ok: true, result: { active: false } })
    expect(w.context.live.tools(orgId).map(({ text }) => text)).toEqual(['tool/notes/write:invoke'])
    for (const [name, args] of [
      ['mint_token', { scopes: [toolScope] }],
      ['mint_token', { scopes: ['tool/notes/write:invoke'], audience: [ours.serverId] }],
      ['revoke_registration_credential', { server: ours.serverId, cause: 'x' }],
      ['rotate_registration_credential', { server: ours.serverId, delivery: 'meta' }],
    ] as const) {
      const code = await tried(w, name, args, admin)
      expect([name, code]).toEqual([
        name,
        name === 'mint_token'
          ? 'audience' in args
            ? 'invalid_target'
            : 'invalid_scope'
          : 'not_found',
      ])
    }
    expect(
      await tried(
        w,
        'issue_registration_credential',
        { server_name: 'remit', delivery: 'meta' },
        admin,
      ),
    ).toBe('conflict')
  })
})

test('a server that counts uses is told which protections it cannot see', async () => {
  const w = await world()
  const notes = await serverNamed(w, 'notes')
  const asked = { scopes: ['demo:read'], audience: ['notes'], uses: 1 }
  const { text } = await minted(w, w.local, { ...asked, require: ['signed_request'] })
  expect(await introspected(w, notes, text)).toMatchObject({
    result: { active: true, require: ['signed_request'] },
  })
})
