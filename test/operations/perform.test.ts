// The one path that every call takes: authenticate, parse, permission, handle, commit, answer.

import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { Refusal } from '../../src/core/refusal.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { defineOperation } from '../../src/operations/operation.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { queryEvents } from '../../src/store/audit.ts'
import { StoreProblem } from '../../src/store/problem.ts'
import type { Write } from '../../src/store/store.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { ask, childOf, lastEvent, refuse, rootOf, whoami } from './asking.ts'

const nobody = { kind: 'nothing' } as const

/** What is written now, newest first, without what still waits. */
const written = (w: World, operation?: string) =>
  w.context.store.read(
    queryEvents({ orgId: w.orgId, limit: 100, ...(operation !== undefined && { operation }) }),
  )

const probe = (handle: Operation['handle'], effect: Operation['effect'] = 'write') =>
  defineOperation({
    name: 'probe',
    title: 'Probe',
    summary: 'For tests.',
    permission: '·',
    effect,
    spendsUse: false,
    input: z.object({}),
    output: z.object({ done: z.boolean() }),
    handle,
  }) as unknown as Operation

describe('the order', () => {
  const malformed = { name: 7 }
  const good = { name: 'x', description: '', owner: 'x', ceiling: ['demo:read'] }

  test.each<[string, Record<string, unknown>, 'stranger' | 'known', string]>([
    ['authentication comes before the arguments', malformed, 'stranger', 'invalid_client'],
    ['the arguments come before the permission', malformed, 'known', 'invalid_request'],
    [
      'the permission comes before the handler',
      { ...good, name: 'local' },
      'known',
      'insufficient_scope',
    ],
  ])('%s', async (_, args, who, code) => {
    const w = await world()
    const as = who === 'stranger' ? nobody : w.local
    expect((await w.refusal(registerAgent, args, as)).code).toBe(code)
  })
})

describe('a stranger', () => {
  test('learns a code and a fixed remedy, whatever was wrong', async () => {
    const w = await world()
    const secret = (agentId: string, presentedSecret: string) =>
      ({ kind: 'secret', agentId, presentedSecret }) as const
    const refused = []
    for (const as of [
      nobody,
      { kind: 'unusable' } as const,
      secret(w.local.id, 'rmt_sec_wrong'),
      secret(w.context.newId('agt'), w.local.secret),
      secret(w.local.id, w.admin.secret),
    ]) {
      refused.push((await w.refusal(whoami, {}, as)).toError())
    }
    expect(refused).toEqual(
      refused.map(() => ({
        code: 'invalid_client',
        message: expect.any(String),
        remedy: { text: expect.any(String) },
      })),
    )
    expect(new Set(refused.map((error) => JSON.stringify(error))).size).toBe(1)
  })

  test('is counted, and written once a minute', async () => {
    const w = await world()
    for (let i = 0; i < 3; i++) await w.refusal(whoami, {}, nobody)
    await w.refusal(checkPermission, {}, nobody)
    expect(await written(w, 'whoami')).toEqual([])
    await w.context.audit.flush()
    expect(await written(w, 'whoami')).toMatchObject([
      { outcome: 'refused', code: 'invalid_client', count: 3, lineage: [], detail: '{}' },
    ])
    expect(await written(w, 'check_permission')).toMatchObject([{ count: 1 }])
    expect((await written(w, 'whoami'))[0]).not.toHaveProperty('agentId')
  })
})

describe('a refusal of someone known', () => {
  test('is durable with the answer, which names its event', async () => {
    const w = await world()
    const refused = (await w.refusal(registerAgent, { name: 'x' }, w.local)).toError()
    expect(await written(w, 'register_agent')).toMatchObject([
      {
        id: refused.decision_id,
        outcome: 'refused',
        code: 'invalid_request',
        agentId: w.local.id,
        presented: JSON.stringify({
          agent_id: w.local.id,
          method: 'secret',
          credential_id: w.local.credentialId,
        }),
      },
    ])
  })

  test('is known by what is dead, too', async () => {
    const w = await world()
    const { presented, grant_id, token_id } = await rootOf(w, w.local)
    await ask(w, revokeToken, { grant_id, cause: 'test' })
    const refused = (await w.refusal(whoami, {}, presented)).toError()
    expect(refused).toMatchObject({ code: 'invalid_token', missing_at: grant_id })
    expect(await lastEvent(w)).toMatchObject({
      id: refused.decision_id,
      agent_id: w.local.id,
      grant_id,
      presented: JSON.stringify({ agent_id: w.local.id, method: 'token', token_id, grant_id }),
    })
  })

  test('keeps what was missing', async () => {
    const w = await world()
    await refuse(w, revokeToken, { task: 'a', cause: 'x', act_as: w.context.newId('grt') }, w.local)
    const asked = { name: 'x', description: '', owner: 'x', ceiling: ['demo:read'] }
    await refuse(w, registerAgent, asked, w.local)
    expect(await lastEvent(w)).toMatchObject({
      detail: JSON.stringify({ missing: ['agents/x:register'] }),
    })
  })

  test('under act_as its event holds both who acts and who presented', async () => {
    const w = await world()
    const helper = await w.addAgent('helper', 'demo:*')
    const { grant_id, lineage } = await childOf(w, w.local, { to: 'helper', scopes: ['demo:read'] })
    const permissions = ['demo:write']
    await ask(w, checkPermission, { permissions, act_as: grant_id }, w.local)
    expect(await lastEvent(w)).toMatchObject({
      agent_id: helper.id,
      grant_id,
      lineage: lineage.join(' '),
      presented: expect.stringContaining(w.local.id),
    })
  })
})

describe('what goes wrong inside', () => {
  test.each<[string, Error, string]>([
    ['a fault', new TypeError('rmt x of undefined at secret.ts'), 'server_error'],
    ['the store', new StoreProblem('failed', 'The database answered SQLITE_IOERR'), 'unavailable'],
    ['a refusal', new Refusal('conflict', { message: 'So it is.' }), 'conflict'],
  ])('%s has a stable code and no words of its own', async (_, error, code) => {
    const w = await world()
    const failing = probe(() => {
      throw error
    })
    const refused = await refuse(w, failing, {}, w.local)
    expect(refused.code).toBe(code)
    expect(JSON.stringify(refused)).not.toMatch(/SQLITE|rmt x/)
  })
})

describe('the commit', () => {
  const impossible: Write = {
    sql: `select 1 as holds where 1 = 2`,
    values: () => [],
    expects: 1,
    otherwise: 'stale',
  }

  test('a decision whose condition fell is taken again, on the present state', async () => {
    const w = await world()
    let decided = 0
    const retried = probe(() => {
      decided += 1
      return { result: { done: true }, writes: decided < 3 ? [impossible] : [] }
    })
    expect(await ask(w, retried)).toEqual({ done: true })
    expect(decided).toBe(3)
    expect(await written(w, 'probe')).toHaveLength(1)
  })

  test('and given up in the end', async () => {
    const w = await world()
    const hopeless = probe(() => ({ result: { done: true }, writes: [impossible] }))
    expect(await refuse(w, hopeless)).toMatchObject({ code: 'unavailable' })
  })

  test('nothing is handed out before it is durable', async () => {
    const w = await world()
    const handed: string[] = []
    const handing = (writes: readonly Write[]) =>
      probe(() => ({
        result: { done: true },
        writes,
        handOut: () => {
          handed.push(String(w.read(`select count(*) from audit_events where operation = 'probe'`)))
          return { delivery: { kind: 'handle' } }
        },
      }))
    await refuse(w, handing([impossible]))
    expect(handed).toEqual([])
    expect(await w.result(handing([]))).toEqual({ done: true, delivery: { kind: 'handle' } })
    expect(handed).toEqual(['2'])
  })

  test('a caller who was revoked meanwhile gets nothing', async () => {
    const w = await world()
    const { presented, grant_id } = await rootOf(w, w.local)
    const slow = probe(async () => {
      await ask(w, revokeToken, { grant_id, cause: 'test' })
      return { result: { done: true } }
    })
    expect(await refuse(w, slow, {}, presented)).toMatchObject({
      code: 'invalid_token',
      missing_at: grant_id,
    })
  })
})
