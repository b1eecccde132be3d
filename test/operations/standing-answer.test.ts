// An answer that is given again is the one that would be found: whatever it rests on ends it at once.

import { expect, test, vi } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { isOnPostgres } from '../support/database.ts'
import { doorTo } from '../support/postgres-store.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, childOf, lastEvent, refuse, rootOf, whoami } from './asking.ts'
import type { As } from './asking.ts'

const read = { permissions: ['demo/a:read'] }

/** Asks twice; an engine that answers at once must have had the second answer at hand. */
async function keep(w: World, as: As, args: Record<string, unknown> = read): Promise<void> {
  await ask(w, checkPermission, args, as)
  const again = w.call(checkPermission, args, as)
  expect(again instanceof Promise).toBe(w.context.store.engine !== 'sqlite')
  expect(await again).toMatchObject({ ok: true, result: { allowed: true } })
}

/** Asked until the answer is at hand in the same turn, whatever was heard in between. */
async function expectAtOnce(w: World, as: As): Promise<void> {
  const isAtOnce = async () => {
    await ask(w, checkPermission, read, as)
    const again = w.call(checkPermission, read, as)
    expect(await again).toMatchObject({ ok: true, result: { allowed: true } })
    return !(again instanceof Promise)
  }
  await expect.poll(isAtOnce, { interval: 5, timeout: 20_000 }).toBe(true)
}

test('the same question is answered alike, and counted in one event', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  const first = await ask(w, checkPermission, read, presented)
  expect(await ask(w, checkPermission, read, presented)).toEqual(first)
  expect(await lastEvent(w)).toMatchObject({ id: first.decision_id, count: 2 })
  const later = await ask(w, checkPermission, read, presented, { traceId: 'f'.repeat(32) })
  expect(later.decision_id).not.toBe(first.decision_id)
  expect(await lastEvent(w)).toMatchObject({ id: later.decision_id, trace_id: 'f'.repeat(32) })
})

test('a revocation ends it, here and by another process', async () => {
  const w = await world()
  const other = await w.startProcess()
  for (const revoker of [w.context, other]) {
    const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
    await keep(w, presented)
    await ask(w, revokeToken, { grant_id, cause: 'test' }, w.local, { in: revoker })
    expect(await refuse(w, checkPermission, read, presented)).toMatchObject({
      code: 'invalid_token',
    })
  }
})

test('another process’s revocation is heard of where the database is not asked each time', async () => {
  const w = await world({ strict: false })
  const other = await w.startProcess()
  const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  await expectAtOnce(w, presented)
  await ask(w, revokeToken, { grant_id, cause: 'test' }, w.local, { in: other })
  const codes = async () => {
    const answer = await w.call(checkPermission, read, presented)
    return answer.ok ? 'allowed' : answer.refusal.code
  }
  await expect.poll(codes, { interval: 5, timeout: 20_000 }).toBe('invalid_token')
})

test.runIf(isOnPostgres())(
  'while nothing is heard, nothing stands: the database is asked',
  async () => {
    let door: Awaited<ReturnType<typeof doorTo>> | undefined
    const via = async (url: string) => (door ??= await doorTo(url)).through(url)
    const w = await world({ strict: false, via })
    const other = await w.startProcess()
    const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
    await expectAtOnce(w, presented)
    door?.deafen()
    const isAsked = () => w.context.store.changedElsewhere() instanceof Promise
    await expect.poll(isAsked, { interval: 5, timeout: 20_000 }).toBe(true)
    expect((await ask(w, checkPermission, read, presented)).allowed).toBe(true)
    await ask(w, revokeToken, { grant_id, cause: 'test' }, w.local, { in: other })
    expect(await refuse(w, checkPermission, read, presented)).toMatchObject({
      code: 'invalid_token',
    })
  },
)

test('whether anything changed is asked once for it, also where that is asked elsewhere', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  await keep(w, presented)
  const asked = vi.spyOn(w.context.store, 'changedElsewhere')
  const count = async (args: Record<string, unknown>) => {
    asked.mockClear()
    await ask(w, checkPermission, args, presented)
    return asked.mock.calls.length
  }
  w.pass(1)
  expect(await count(read)).toBe(2)
  expect(await count(read)).toBe(1)
  expect(await count({ permissions: ['demo/b:read'] })).toBe(2)
})

test('of many who ask at once, none gets it after another process revoked', async () => {
  const w = await world()
  const other = await w.startProcess()
  const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  await keep(w, presented)
  await ask(w, revokeToken, { grant_id, cause: 'test' }, w.local, { in: other })
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => refuse(w, checkPermission, read, presented)),
  )
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['invalid_token']))
})

test('what is revoked while the database is asked ends it', async () => {
  const w = await world()
  const { grant_id, presented } = await rootOf(w, w.local, { scopes: ['demo:read'] })
  await keep(w, presented)
  const { changedElsewhere } = w.context.store
  vi.spyOn(w.context.store, 'changedElsewhere').mockImplementationOnce(async () => {
    const changed = await changedElsewhere()
    await ask(w, revokeToken, { grant_id, cause: 'test' }, w.local)
    return changed
  })
  expect(await refuse(w, checkPermission, read, presented)).toMatchObject({ code: 'invalid_token' })
})

test('the clock ends it', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { scopes: ['demo:read'], ttl_seconds: 60 })
  w.pass(59)
  await keep(w, presented)
  w.pass(1)
  expect(await refuse(w, checkPermission, read, presented)).toMatchObject({ code: 'invalid_token' })
})

test('it is for who presents that token alone, and for that question alone', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, {
    scopes: ['demo/a:read', 'demo/a/b:read', 'tokens:delegate'],
  })
  const { grant_id: below } = await childOf(w, presented, { scopes: ['demo/a/b:read'] })
  const token = (presented as Extract<Presented, { kind: 'token' }>).presentedToken
  const inMeta = { meta: { 'dev.remit/token': token } }
  for (let i = 0; i < 2; i++) {
    expect((await ask(w, checkPermission, read, presented, inMeta)).allowed).toBe(true)
  }
  const actingDown = { meta: { ...inMeta.meta, 'dev.remit/act_as': below } }
  const asked = [
    ask(w, checkPermission, read, w.admin, actingDown),
    ask(w, checkPermission, { ...read, act_as: below }, w.admin, inMeta),
    ask(w, checkPermission, { permissions: ['demo/b:read'] }, w.admin, inMeta),
  ]
  expect((await Promise.all(asked)).map(({ allowed }) => allowed)).toEqual([false, false, false])
  const alike = { meta: { 'dev.remit/token': `${token}=` } }
  expect((await w.refusal(checkPermission, read, w.admin, alike)).code).toBe('invalid_token')
  const proved = { meta: { ...inMeta.meta, 'dev.remit/proof': 'x' } }
  expect((await w.refusal(checkPermission, read, w.admin, proved)).code).toBe('invalid_token')
})

test('a limited grant is asked anew, so that every use is counted', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local, { scopes: ['demo:read'], uses: 2 })
  const left = async () => await ask(w, whoami, {}, presented)
  expect(await left()).toMatchObject({ grant: { uses_left: 2 } })
  await ask(w, checkPermission, read, presented)
  expect(await left()).toMatchObject({ grant: { uses_left: 1 } })
  await ask(w, checkPermission, read, presented)
  expect((await refuse(w, checkPermission, read, presented)).code).toBe('uses_exhausted')
})
