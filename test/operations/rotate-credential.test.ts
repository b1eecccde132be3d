// rotate_credential: a successor with the same scopes and end, and nobody locked out on the way.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { listCredentials } from '../../src/operations/list-credentials.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'
import { ask, contents, expectDryRun, refuse, rootOf, whoami } from './asking.ts'

const inline = { delivery: 'inline' }

const withSecret = ({ id: agentId }: Holder, presentedSecret = '') =>
  ({ kind: 'secret', agentId, presentedSecret }) as const

const rotated = async (w: World, args: Record<string, unknown> = {}, as: Holder = w.local) => {
  const result = await ask(w, rotateCredential, { ...inline, ...args }, as)
  return { ...result, as: withSecret(as, result.delivery?.secret) }
}

test('the default rotates what the caller came with, over a day', async () => {
  const w = await world()
  const { as, ...result } = await rotated(w)
  expect(result).toEqual({
    credential_id: expect.stringMatching(/^crd_/),
    old_credential_id: w.local.credentialId,
    old_retires_at: w.now() + 86_400,
    old_last_used_at: w.now(),
    old_used_by: [expect.stringContaining(w.serverId)],
    delivery: { kind: 'inline', secret: expect.stringMatching(/^rmt_sec_/) },
  })
  expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { name: 'local' } })
  w.pass(86_399)
  expect(await ask(w, whoami, {}, w.local)).toMatchObject({ agent: { name: 'local' } })
  w.pass(1)
  expect(await refuse(w, whoami, {}, w.local)).toMatchObject({ code: 'invalid_client' })
  expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { name: 'local' } })
})

test('grants and their parents outlive the rotation', async () => {
  const w = await world()
  const child = await ask(w, delegateToken, { scopes: ['demo:read'] }, w.local)
  const { as } = await rotated(w)
  const below = await ask(w, delegateToken, { scopes: ['demo:read'] }, as)
  expect(below.lineage).toEqual(child.lineage)
})

test('the tenth of a line takes no more room than the second, in rows and in memory', async () => {
  const w = await world()
  let { as } = await rotated(w)
  const line = [w.local.credentialId]
  for (let n = 1; n <= 10; n++) {
    const next = await rotated(w, {}, { ...w.local, presented: as })
    line.push(next.old_credential_id)
    as = next.as
  }
  const records = line.slice(1).map((id) => w.context.live.credential(id))
  expect(records.map((record) => record?.origin)).toEqual(records.map(() => line[0]))
  expect(new Set(records.map((record) => JSON.stringify(record).length)).size).toBe(1)
  const rows = w.tables().credentials?.filter(({ origin }) => origin === line[0])
  expect(rows).toHaveLength(11)
  expect(new Set(rows?.slice(0, 10).map((row) => JSON.stringify(row).length)).size).toBe(1)
})

test('scopes and end are inherited', async () => {
  const w = await world()
  const expires_at = w.now() + 5000
  const key = { agent: 'local', kind: 'api_key', scopes: ['demo:read'], expires_at, ...inline }
  const { credential_id } = await ask(w, addCredential, key)
  const next = await ask(w, rotateCredential, { credential_id, ...inline })
  expect(next.delivery?.secret).toMatch(/^rmt_key_/)
  const { credentials } = await ask(w, listCredentials, { agent: 'local' })
  expect(credentials.find(({ id }) => id === next.credential_id)).toMatchObject({
    kind: 'api_key',
    scopes: ['demo:read'],
    expires_at,
  })
})

describe('overlap_seconds: 0', () => {
  test('ends the old one and the grants it made', async () => {
    const w = await world()
    const root = await rootOf(w, w.local)
    const { as, old_retires_at } = await rotated(w, { overlap_seconds: 0 })
    expect(old_retires_at).toBe(w.now())
    expect(await refuse(w, whoami, {}, w.local)).toMatchObject({ code: 'invalid_client' })
    expect(await refuse(w, whoami, {}, root.presented)).toMatchObject({ code: 'invalid_token' })
    expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { name: 'local' } })
  })

  test('leaves the dead one the repeat of that very call for ten minutes', async () => {
    const w = await world()
    const asked = { overlap_seconds: 0, idempotency_key: 'k', ...inline }
    const first = await ask(w, rotateCredential, asked, w.local)
    w.pass(599)
    const again = await ask(w, rotateCredential, asked, w.local)
    expect(again.credential_id).toBe(first.credential_id)
    expect(again.delivery?.secret).not.toBe(first.delivery?.secret)
    for (const other of [
      { ...asked, idempotency_key: 'other' },
      { ...asked, overlap_seconds: 1 },
    ]) {
      const { code } = await refuse(w, rotateCredential, other, w.local)
      expect(['invalid_client', 'conflict']).toContain(code)
    }
    w.pass(1)
    expect(await refuse(w, rotateCredential, asked, w.local)).toMatchObject({
      code: 'invalid_client',
    })
  })

  test('and not once the successor was used', async () => {
    const w = await world()
    const asked = { overlap_seconds: 0, idempotency_key: 'k' }
    const { as } = await rotated(w, asked)
    await ask(w, whoami, {}, as)
    expect(await refuse(w, rotateCredential, { ...asked, ...inline }, w.local)).toMatchObject({
      code: 'conflict',
    })
  })

  test('of another agent’s is refused: its compromised secret could claim the new one', async () => {
    const w = await world()
    for (const delivery of ['inline', 'handoff']) {
      const asked = { credential_id: w.local.credentialId, overlap_seconds: 0, delivery }
      expect(await refuse(w, rotateCredential, asked)).toMatchObject({
        code: 'invalid_request',
        remedy: { operation: 'revoke_credential' },
      })
    }
  })
})

describe('a lost answer', () => {
  test('is repeated by its key with a fresh secret of the same successor', async () => {
    const w = await world()
    const asked = { idempotency_key: 'k', ...inline }
    const first = await ask(w, rotateCredential, asked, w.local)
    const again = await ask(w, rotateCredential, asked, w.local)
    expect({ ...again, delivery: undefined }).toEqual({ ...first, delivery: undefined })
    const [lost, present] = [first, again].map((r) => withSecret(w.local, r.delivery?.secret))
    if (lost === undefined || present === undefined) throw new Error('No secrets.')
    expect((await w.refusal(whoami, {}, lost)).code).toBe('invalid_client')
    await ask(w, whoami, {}, present)
    expect(await refuse(w, rotateCredential, asked, w.local)).toMatchObject({ code: 'conflict' })
  })

  test('is replaced while the successor was never used', async () => {
    const w = await world()
    const lost = await rotated(w)
    const next = await rotated(w, { replace_unused: true })
    expect(next.credential_id).not.toBe(lost.credential_id)
    expect(next.old_credential_id).toBe(w.local.credentialId)
    expect(await refuse(w, whoami, {}, lost.as)).toMatchObject({ code: 'invalid_client' })
    await ask(w, whoami, {}, next.as)
    expect(await refuse(w, rotateCredential, { replace_unused: true }, w.local)).toMatchObject({
      code: 'conflict',
    })
  })

  test('is no reason to rotate a second time', async () => {
    const w = await world()
    await rotated(w)
    expect(await refuse(w, rotateCredential, {}, w.local)).toMatchObject({
      code: 'conflict',
      remedy: { operation: 'rotate_credential', arguments: { replace_unused: true } },
    })
    const asked = { credential_id: w.local.credentialId }
    expect(await refuse(w, rotateCredential, asked)).toMatchObject({ code: 'conflict' })
  })
})

describe('others’ credentials', () => {
  test('need credentials:rotate and are unknown without it', async () => {
    const w = await world()
    const peer = await w.addAgent('peer', 'demo:read')
    const clerk = await w.addAgent('clerk', 'credentials/peer:rotate demo:read')
    const asked = { credential_id: peer.credentialId, ...inline }
    expect(await ask(w, rotateCredential, asked, clerk)).toMatchObject({
      old_credential_id: peer.credentialId,
    })
    const unknown = { credential_id: w.context.newId('crd') }
    const no = await refuse(w, rotateCredential, unknown, w.local)
    expect(no.code).toBe('not_found')
    const foreign = { credential_id: w.admin.credentialId }
    expect(await refuse(w, rotateCredential, foreign, w.local)).toEqual(no)
    const { admin } = await w.addOrg('other')
    expect(await refuse(w, rotateCredential, { credential_id: admin.credentialId })).toEqual(no)
  })

  test('of a stronger agent go to that agent alone', async () => {
    const w = await world()
    const clerk = await w.addAgent('clerk', 'credentials:rotate')
    const asked = { credential_id: w.local.credentialId }
    expect(await refuse(w, rotateCredential, { ...asked, ...inline }, clerk)).toMatchObject({
      code: 'exceeds_ceiling',
      missing_at: clerk.id,
    })
    const given = await ask(w, rotateCredential, { ...asked, delivery: 'handoff' }, clerk)
    const handoff = given.delivery?.handoff ?? ''
    expect(await refuse(w, claimHandoff, { handoff }, clerk)).toMatchObject({ code: 'not_found' })
    const claimed = await ask(w, claimHandoff, { handoff, ...inline }, w.local)
    expect(claimed).toMatchObject({ credential_id: given.credential_id })
    const as = withSecret(w.local, claimed.delivery?.secret)
    expect(await ask(w, whoami, {}, as)).toMatchObject({ agent: { id: w.local.id } })
  })
})

test('the file of the environment’s credential is replaced in its place', async () => {
  const w = await world()
  const file = join(w.home, 'local.json')
  const old = { agent_id: w.local.id, credential_id: w.local.credentialId, secret: w.local.secret }
  writeFileSync(file, JSON.stringify(old), { mode: 0o600 })
  const place = await w.startProcess({ credentialFile: file })
  const made = await ask(w, rotateCredential, {}, w.local, { in: place })
  expect(made.delivery).toEqual({ kind: 'file', path: file })
  const { secret, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { secret: string }
  expect(rest).toEqual({ agent_id: w.local.id, credential_id: made.credential_id })
  const other = { credential_id: w.local.credentialId, replace_unused: true }
  expect((await ask(w, rotateCredential, other)).delivery?.path).toContain('/deliveries/')
  expect(readFileSync(file, 'utf8')).toContain(secret)
})

test.each<[string, Record<string, unknown>, string]>([
  ['an overlap below 0', { overlap_seconds: -1 }, 'invalid_request'],
  ['an overlap of more than a year', { overlap_seconds: 31_536_001 }, 'invalid_request'],
  ['a key in place of a secret', { public_jwk: {} }, 'invalid_request'],
  ['a handle', { delivery: 'handle' }, 'invalid_request'],
  ['sealed delivery without a key for it', { delivery: 'sealed' }, 'invalid_request'],
  ['an id of another kind', { credential_id: 'agt_00000000000000000000000001' }, 'invalid_request'],
  ['act_as', { act_as: 'grt_00000000000000000000000001' }, 'invalid_request'],
])('%s is refused', async (_, asked, code) => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, rotateCredential, asked, w.local)).toMatchObject({ code })
  expect((await contents(w))['credentials']).toEqual(before['credentials'])
})

test('a token needs the permission, and names the credential', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local)
  expect(await refuse(w, rotateCredential, {}, presented)).toMatchObject({
    code: 'invalid_request',
  })
  const asked = { credential_id: w.local.credentialId }
  expect(await refuse(w, rotateCredential, asked, presented)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['credentials/local:rotate'],
  })
})

test('a dry run rotates nothing', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, rotateCredential, {}, w.local)
  expect(dry).toEqual({
    ...real,
    credential_id: dry.credential_id,
    delivery: undefined,
    dry_run: true,
  })
})
