// The audit of the one path: what was allowed is counted in batches, and a change and its event are one.

import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { queryEvents } from '../../src/store/audit.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, lastEvent, refuse, rootOf } from './asking.ts'

/** What is written now, newest first, without what still waits. */
const written = (w: World, operation?: string) =>
  w.context.store.read(
    queryEvents({ orgId: w.orgId, limit: 100, ...(operation !== undefined && { operation }) }),
  )

/** Nothing is written but by a flush, however slow the machine. */
function holdBatches(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('the audit of what was allowed', () => {
  const question = { permissions: ['demo:read'] }

  test('equal checks become one event with a count, which every answer names', async () => {
    const w = await world()
    holdBatches()
    const ids = new Set<string>()
    for (let i = 0; i < 5; i++) {
      ids.add((await ask(w, checkPermission, question, w.local)).decision_id)
    }
    const other = await ask(w, checkPermission, { permissions: ['demo:write'] }, w.local)
    const another = await ask(w, checkPermission, question, w.admin)
    expect(await written(w, 'check_permission')).toEqual([])
    await w.context.audit.flush()
    expect(
      (await written(w, 'check_permission')).map(({ id, count, outcome }) => [id, count, outcome]),
    ).toEqual([
      [another.decision_id, 1, 'allowed'],
      [other.decision_id, 1, 'allowed'],
      [[...ids].join(), 5, 'allowed'],
    ])
  })

  test('the next equal check after a batch is another event', async () => {
    const w = await world()
    const { decision_id: first } = await ask(w, checkPermission, question, w.local)
    await w.context.audit.flush()
    const { decision_id: second } = await ask(w, checkPermission, question, w.local)
    expect(second).not.toBe(first)
    await w.context.audit.flush()
    expect(await written(w, 'check_permission')).toMatchObject([{ id: second }, { id: first }])
  })

  test('a batch is written soon, unasked', async () => {
    const w = await world()
    await ask(w, checkPermission, question, w.local)
    await expect.poll(async () => (await written(w, 'check_permission')).length).toBe(1)
  })

  test('a denied check is durable with its answer', async () => {
    const w = await world()
    const { decision_id } = await ask(w, checkPermission, { permissions: ['audit:read'] }, w.local)
    expect(await written(w, 'check_permission')).toMatchObject([
      { id: decision_id, outcome: 'refused', code: 'insufficient_scope', count: 1 },
    ])
  })

  test('under REMIT_AUDIT_CHECKS=sync every check is durable with its answer', async () => {
    const w = await world({ settings: { auditChecks: 'sync' } })
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      ids.unshift((await ask(w, checkPermission, question, w.local)).decision_id)
      expect((await written(w, 'check_permission')).map(({ id }) => id)).toEqual(ids)
    }
    expect((await written(w, 'check_permission')).map(({ count }) => count)).toEqual([1, 1, 1])
  })

  test('a check that costs a use is durable with its answer', async () => {
    const w = await world()
    const { presented } = await rootOf(w, w.local, { uses: 2 })
    const { decision_id } = await ask(w, checkPermission, question, presented)
    expect(await written(w, 'check_permission')).toMatchObject([{ id: decision_id }])
    await ask(w, checkPermission, question, presented)
    expect(await refuse(w, checkPermission, question, presented)).toMatchObject({
      code: 'uses_exhausted',
    })
  })

  test('a change and its event are one', async () => {
    const w = await world()
    const { grant_id } = await rootOf(w, w.local)
    expect(await written(w, 'mint_token')).toMatchObject([
      { outcome: 'allowed', code: 'allowed', target: grant_id, agentId: w.local.id },
    ])
    w.tamper(`alter table audit_events rename to elsewhere`)
    const { code } = await w.refusal(revokeToken, { grant_id, cause: 'test' })
    expect(code).toBe('unavailable')
    expect(w.read(`select count(*) from revocations`)).toBe(0)
    w.tamper(`alter table elsewhere rename to audit_events`)
  })

  test('a dry run is told as one', async () => {
    const w = await world()
    const { grant_id } = await rootOf(w, w.local)
    await ask(w, revokeToken, { grant_id, cause: 'test', dry_run: true })
    expect(await lastEvent(w)).toMatchObject({
      operation: 'revoke_token',
      detail: JSON.stringify({ kind: 'grant', cause: 'test', dry_run: true }),
    })
  })

  test('while it cannot be written nothing is decided', async () => {
    const w = await world()
    await ask(w, checkPermission, question, w.local)
    w.tamper(`alter table audit_events rename to elsewhere`)
    await expect(w.context.audit.flush()).rejects.toMatchObject({ code: 'unavailable' })
    expect((await w.refusal(checkPermission, question, w.local)).code).toBe('unavailable')
    w.tamper(`alter table elsewhere rename to audit_events`)
    await w.context.audit.flush()
    expect(await ask(w, checkPermission, question, w.local)).toMatchObject({ allowed: true })
  })
})
