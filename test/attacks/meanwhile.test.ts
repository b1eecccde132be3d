// What ends between a decision and its commit, in another process: the commit is the last word, and whoever
// decided by what was true before decides again.

import { expect, test, vi } from 'vitest'
import type { Context } from '../../src/authority/context.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { registerMcpServer } from '../../src/operations/register-mcp-server.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateRegistrationCredential } from '../../src/operations/rotate-registration-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { accessToken, errorOf, exchangeType, oauthWorld } from '../support/oauth.ts'
import type { OAuthWorld } from '../support/oauth.ts'
import { aboutServer, byKey, invited, registering, serverNamed } from '../support/other-server.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'
import { codeOf, minted } from './attack.ts'

const nobody = { kind: 'nothing' } as const

/** Lets something happen once a process has decided on an operation and before it commits that, once. */
function beforeCommit(context: Context, operation: string, meanwhile: () => Promise<unknown>) {
  const { submit } = context.committer
  let times = 0
  vi.spyOn(context.committer, 'submit').mockImplementation(async (unit) => {
    const isMeant = unit.events.some((each) => each.operation === operation)
    if (isMeant) times += 1
    if (isMeant && times === 1) await meanwhile()
    return submit(unit)
  })
  return () => times
}

interface Cast {
  readonly o: OAuthWorld
  readonly client: Holder
  readonly actor: Holder
}

const suspend = ({ o }: Cast, agent: string) =>
  o.w.result(setAgentStatus, { agent, status: 'suspended', cause: 'c' })

const ends: Readonly<Record<string, readonly [(cast: Cast) => Promise<unknown>, string]>> = {
  'the client is suspended': [(cast) => suspend(cast, 'client'), '400 invalid_request'],
  'the credential of the client is revoked': [
    ({ o, client }) =>
      o.w.result(revokeCredential, { credential_id: client.credentialId, cause: 'c' }),
    '401 invalid_client',
  ],
  'the holder of the subject token is suspended': [
    (cast) => suspend(cast, 'local'),
    '400 invalid_request',
  ],
  'the grants of the subject are revoked': [
    ({ o }) => o.w.result(revokeToken, { agent: 'local', cause: 'c' }),
    '400 invalid_request',
  ],
  'the actor is suspended': [(cast) => suspend(cast, 'actor'), '400 invalid_request'],
}

test.each(Object.keys(ends))('an exchange that runs while %s yields nothing', async (how) => {
  const [end, error] = ends[how] ?? []
  const o = await oauthWorld()
  const client = await o.w.addAgent('client', 'demo:* tokens:delegate')
  const actor = await o.w.addAgent('actor', 'demo:*')
  // One of the client and the holder has to be a party: with an actor, the holder exchanges.
  const byHolder = how === 'the actor is suspended'
  const subject = await o.minted(o.w.local, 'demo:read tokens:delegate')
  const actors = { actor_token: await o.minted(actor, 'demo:read'), actor_token_type: accessToken }
  const exchange = () =>
    o.token(byHolder ? o.w.local : client, {
      grant_type: exchangeType,
      subject_token: subject,
      subject_token_type: accessToken,
      scope: 'demo:read',
      ...(byHolder && actors),
    })
  expect((await exchange()).status).toBe(200)
  const grants = () => o.w.read('select count(*) from grants where standing = 0')
  const before = grants()
  const times = beforeCommit(o.context, 'delegate_token', async () => end?.({ o, client, actor }))
  expect(errorOf(await exchange())).toBe(error)
  expect([times() > 0, grants()]).toEqual([true, before])
})

const revokes = (server: string) => (w: World) =>
  w.result(revokeRegistrationCredential, { server, cause: 'c' })

const ofServers: readonly (readonly [string, (w: World) => Promise<unknown>, string])[] = [
  ['this server is revoked', revokes('remit'), 'unavailable'],
  ['that server is revoked', revokes('notes'), 'invalid_client'],
]

test.each(ofServers)('nothing is decided for another server while %s', async (_, end, code) => {
  const calls = {
    introspect_token: async (w: World) => {
      const notes = await serverNamed(w, 'notes', { tools: [{ name: 'read' }] })
      const asked = { scopes: ['tool/notes/read:invoke'], audience: ['notes'], uses: 2 }
      const { text } = await minted(w, w.admin, asked)
      const request = byKey(w, notes, { 'dev.remit/subject_token': text })
      return (in_: Context) =>
        w.call(introspectToken, { spend: true }, nobody, { ...request, in: in_ })
    },
    register_mcp_server: async (w: World) => {
      const notes = await serverNamed(w, 'notes')
      const args = aboutServer('notes', notes.privateJwk, { version: '2' })
      return (in_: Context) =>
        w.call(registerMcpServer, args, nobody, { ...byKey(w, notes), in: in_ })
    },
  }
  for (const [operation, calling] of Object.entries(calls)) {
    const w = await world()
    const there = await w.startProcess()
    const call = await calling(w)
    await there.live.refresh()
    const times = beforeCommit(there, operation, () => end(w))
    expect([operation, codeOf(await call(there)), times() > 0]).toEqual([operation, code, true])
    const version = w.read(`select version from servers where name = 'notes'`)
    const usesLeft = w.read('select max(uses_left) from grant_uses')
    expect([version, usesLeft ?? 2]).toEqual(['1', 2])
  }
})

test('an invitation is redeemed by nobody while this server is revoked, or it is replaced', async () => {
  for (const [end, code] of [
    [revokes('remit'), 'unavailable'],
    [revokes('notes'), 'invalid_client'],
    [
      (w: World) => w.result(rotateRegistrationCredential, { server: 'notes', delivery: 'meta' }),
      'invalid_client',
    ],
  ] as const) {
    const w = await world()
    const there = await w.startProcess()
    const [args, as, request] = registering(w, await invited(w, 'notes'))
    await there.live.refresh()
    const times = beforeCommit(there, 'register_mcp_server', () => end(w))
    const answer = await w.call(registerMcpServer, args, as, { ...request, in: there })
    expect([codeOf(answer), times() > 0]).toEqual([code, true])
    expect(w.read(`select count(*) from servers where name = 'notes' and status = 'active'`)).toBe(
      0,
    )
  }
})
