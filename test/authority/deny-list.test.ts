// The deny-list says every restriction of the store to verifiers that see only a token, and forgets what
// can match nothing any more.

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { signedDenyList } from '../../src/authority/signed-deny-list.ts'
import type { Token } from '../../src/core/grant.ts'
import type { Read } from '../../src/store/store.ts'
import { insertToken, tokenById } from '../../src/store/tokens.ts'
import type { DenyEntry, DenyList } from '../../src/core/deny-list.ts'
import { parseDenyList } from '../../src/core/deny-list.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeRegistrationCredential } from '../../src/operations/revoke-registration-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { delegated, minted, renewed, secretFrom } from '../attacks/attack.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const cause = 'test'

/** The list as a verifier reads it, a second later. */
async function listOf(w: World, since?: number, context = w.context): Promise<DenyList> {
  w.pass(1)
  const list = parseDenyList(decodeJwt(await signedDenyList(context, since)))
  if (list === undefined) throw new Error('Not a deny-list.')
  return list
}

const entriesOf = async (w: World) =>
  (await listOf(w)).entries.map(({ kind, id }: DenyEntry) => `${kind} ${id}`)

test('is signed under a key of its own, which is published beside those of tokens', async () => {
  const w = await world()
  const { kid, ...header } = decodeProtectedHeader(await signedDenyList(w.context))
  expect(header).toEqual({ alg: 'EdDSA', typ: 'remit-deny-list+jwt' })
  const keys = await publicKeys(w.context)
  expect(keys.deny_list_keys).toMatchObject([{ kid, use: 'sig', alg: 'EdDSA' }])
  expect(keys.keys.map((key) => key.kid)).not.toContain(kid)
  const list = await listOf(w)
  expect(list).toMatchObject({ iss: w.issuer, iat: w.now(), entries: [] })
  expect(list.keys).toEqual(keys.keys.map((key) => key.kid))
  expect(list.version).toBe(w.context.live.seq)
})

test('has entries of every kind', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const scopes = ['demo:read', 'tokens:delegate']
  const root = await minted(w, w.local, { scopes, task: 'a' })
  const child = await delegated(w, root.presented, { scopes: ['demo:read'], task: 'a/b' })
  const before = w.context.live.seq
  const minted_before = w.now()
  await w.result(revokeToken, { task: 'a/b', minted_before, cause }, root.presented)
  await w.result(revokeToken, { grant_id: child.grantId, cause })
  await w.result(revokeToken, { agent: 'helper', cause })
  await w.result(setAgentStatus, { agent: 'helper', status: 'suspended', cause })
  await w.result(updateAgent, { agent: 'local', ceiling: ['demo:read'] })
  const demo = { type: 'demo', description: '', operations: ['read', 'write', 'delete', 'print'] }
  await w.result(registerResourceType, demo)
  await w.result(rotateSigningKey, { retire_after_seconds: 0 })
  const at = w.now()
  const { entries } = await listOf(w)
  expect(entries.every(({ seq }) => seq > before)).toBe(true)
  expect(entries.map(({ seq: _, ...said }) => said)).toEqual([
    {
      kind: 'task',
      id: 'a/b',
      org: w.orgId,
      within: [root.grantId],
      minted_before,
      at,
    },
    { kind: 'grant', id: child.grantId, at },
    { kind: 'agent', id: helper.id, at, status: 'suspended' },
    { kind: 'agent', id: helper.id, at, status: 'suspended' },
    { kind: 'ceiling', id: w.local.id, scopes: 'demo:read', at },
    { kind: 'key', id: expect.stringMatching(/^key_/), at },
    { kind: 'operation', id: 'demo:print', org: w.orgId, at },
  ])
})

test('names an operation that was registered later, which `*` does not mean', async () => {
  const w = await world()
  const type = { type: 'notes', description: '' }
  await w.result(registerResourceType, { ...type, operations: ['read'] })
  await w.result(registerResourceType, { ...type, operations: ['read', 'print'] })
  expect(await entriesOf(w)).toEqual(['operation notes:print'])
})

describe('a token that no entry shows to be dead', () => {
  test('is denied by its own id: it was obtained with a credential that was revoked', async () => {
    const w = await world()
    const { grantId } = await minted(w, w.local, { scopes: ['demo:read'], grant_ttl_seconds: 900 })
    const answer = await w.call(addCredential, {
      agent: 'local',
      kind: 'secret',
      delivery: 'meta',
    })
    const second = secretFrom(answer, w.local.id)
    const by = await renewed(w, second, { grant_id: grantId })
    const credential_id = answer.ok ? String(answer.result['credential_id']) : ''
    await w.result(revokeCredential, { credential_id, cause })
    expect(await entriesOf(w)).toEqual([`credential ${credential_id}`, `token ${by.tokenId}`])
  })

  test('is denied by its own id: its grant is older than the second named, it is not', async () => {
    const w = await world()
    const old = await minted(w, w.local, { scopes: ['demo:read'], grant_ttl_seconds: 900 })
    const minted_before = w.now()
    w.pass(10)
    const renewal = await renewed(w, w.local, { grant_id: old.grantId })
    const young = await minted(w, w.local, { scopes: ['demo:read'] })
    await w.result(revokeToken, { agent: 'local', minted_before, cause })
    const entries = await entriesOf(w)
    expect(entries).toEqual([`agent ${w.local.id}`, `token ${renewal.tokenId}`])
    expect(entries).not.toContain(`token ${young.tokenId}`)
  })
})

test('keeps an entry until every token that it can match has expired', async () => {
  const w = await world()
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeToken, { grant_id: grantId, cause })
  w.pass(3600)
  expect(await entriesOf(w)).toEqual([`grant ${grantId}`])
  w.pass(400)
  expect(await entriesOf(w)).toEqual([])
})

test('keeps it longer where tokens were given longer lives before', async () => {
  const w = await world({ settings: { tokenMax: 86_400, grantMax: 90_000 } })
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'], ttl_seconds: 20_000 })
  await w.result(revokeToken, { grant_id: grantId, cause })
  const context = await w.startProcess({ tokenMax: 300 })
  w.pass(19_990)
  const { entries } = await listOf(w, undefined, context)
  expect(entries.map(({ id }) => id)).toEqual([grantId])
})

test('a delta holds what is newer, and says what it goes on from', async () => {
  const w = await world()
  const [one, two] = [
    await minted(w, w.local, { scopes: ['demo:read'] }),
    await minted(w, w.local, { scopes: ['demo:read'] }),
  ]
  await w.result(revokeToken, { grant_id: one.grantId, cause })
  w.pass(60)
  const base = await listOf(w)
  await w.result(revokeToken, { grant_id: two.grantId, cause })
  const delta = await listOf(w, base.version)
  expect(delta.since).toEqual({ version: base.version, mark: base.mark })
  expect(delta.entries.map(({ id }) => id)).toEqual([two.grantId])
  w.pass(60)
  expect((await listOf(w, delta.version)).entries).toEqual([])
  for (const unknown of [delta.version + 1, 0]) {
    const whole = await listOf(w, unknown)
    expect(whole.since).toBeUndefined()
    expect(whole.entries).toHaveLength(2)
  }
})

test('where others may commit late, what they decided before a restriction is denied by name', async () => {
  const w = await world()
  const { tokenId } = await minted(w, w.local, { scopes: ['demo:read'] })
  const store = { ...w.context.store, engine: 'postgres' as const }
  const context = { ...w.context, store }
  await w.result(revokeToken, { agent: 'local', cause })
  const { version, entries } = await listOf(w, undefined, context)
  expect(entries).toHaveLength(1)
  const [record] = await store.read(tokenById(tokenId))
  const late = { id: w.context.newId('tok'), issuedAt: w.now() + 1 }
  await w.write([insertToken({ ...(record as Token), ...late })])
  const { entries: repeated } = await listOf(w, version, context)
  expect(repeated.map(({ kind, id }) => [kind, id])).toEqual([
    ['agent', w.local.id],
    ['token', late.id],
  ])
  w.pass(60)
  expect((await listOf(w, version, context)).entries).toEqual([])
})

test('misses no restriction that is committed while the list is made', async () => {
  const w = await world()
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  await listOf(w)
  const operations = ['read', 'write', 'delete', 'print']
  let isCommitted = false
  const store = {
    ...w.context.store,
    // Between the read of restrictions and that of types, as another process might.
    read: async <T>(read: Read<T>) => {
      const rows = await w.context.store.read(read)
      if (read.sql.includes(`'revocation'`) && !isCommitted) {
        isCommitted = true
        await w.result(revokeToken, { grant_id: grantId, cause })
        await w.result(registerResourceType, { type: 'demo', description: '', operations })
      }
      return rows
    },
  }
  const context = { ...w.context, store }
  await listOf(w, undefined, context)
  const { entries } = await listOf(w, undefined, context)
  expect(entries.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual([
    `grant ${grantId}`,
    'operation demo:print',
  ])
})

test('is the same in every process, and after a restart', async () => {
  const w = await world()
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeToken, { grant_id: grantId, cause })
  const { version, mark, keys, entries } = await listOf(w)
  const there = await listOf(w, undefined, await w.startProcess())
  expect(there).toMatchObject({ version, mark, keys, entries })
})

test('is signed once a second, however many ask', async () => {
  const w = await world()
  await signedDenyList(w.context)
  w.pass(1)
  const signer = vi.spyOn(w.context.ring, 'signer')
  const [first, second] = await Promise.all([signedDenyList(w.context), signedDenyList(w.context)])
  expect(second).toBe(first)
  expect(signer).toHaveBeenCalledTimes(1)
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  await w.result(revokeToken, { grant_id: grantId, cause })
  expect(await signedDenyList(w.context)).toBe(first)
  expect((await listOf(w)).entries).toHaveLength(1)
})

test('is signed for so many versions in a second and no more, also when all ask at once', async () => {
  const w = await world()
  await signedDenyList(w.context)
  w.pass(1)
  const signer = vi.spyOn(w.context.ring, 'signer')
  await Promise.all(Array.from({ length: 200 }, (_, since) => signedDenyList(w.context, since)))
  expect(signer.mock.calls.length).toBeLessThanOrEqual(65)
})

test('says a restriction that was tampered with as all that its key can mean, and never forgets it', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  await w.result(revokeToken, { agent: 'helper', minted_before: 5, cause })
  w.tamper(`update revocations set minted_before = 1`)
  w.pass(100_000)
  const { entries } = await listOf(w, undefined, await w.startProcess())
  expect(entries).toEqual([{ kind: 'agent', id: helper.id, seq: 0, at: 0, always: true }])
})

test('is not told by a server whose registration was revoked', async () => {
  const w = await world()
  await w.result(revokeRegistrationCredential, { server: 'remit', cause })
  await expect(signedDenyList(w.context)).rejects.toMatchObject({ code: 'unavailable' })
})
