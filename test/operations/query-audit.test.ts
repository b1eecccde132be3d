// query_audit: the audit of the caller's organisation, newest first.

import { expect, test } from 'vitest'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { world } from '../support/world.ts'
import { ask, childOf, refuse, rootOf, whoami } from './asking.ts'

test('an event holds who presented what, under which grant, and how it ended', async () => {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:* tokens:delegate')
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented, { to: 'helper', scopes: ['demo:read'] })
  await ask(w, whoami)
  const question = { permissions: ['demo/a:write'] }
  const traced = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }
  const { decision_id } = await ask(w, checkPermission, question, child.presented, traced)
  const { events } = await ask(w, queryAudit, { limit: 1 })
  expect(events).toEqual([
    {
      id: decision_id,
      chain: w.read(`select chain from audit_events where id = '${decision_id}'`),
      seq: w.read(`select seq from audit_events where id = '${decision_id}'`),
      at: w.now(),
      operation: 'check_permission',
      outcome: 'refused',
      code: 'insufficient_scope',
      agent_id: helper.id,
      instance_id: child.instance_id,
      grant_id: child.grant_id,
      lineage: [root.grant_id],
      presented: {
        agent_id: helper.id,
        method: 'token',
        token_id: child.token_id,
        grant_id: child.grant_id,
      },
      detail: { permissions: ['demo/a:write'] },
      trace_id: traced.traceId,
      server_id: w.serverId,
      hash: w.read(`select hash from audit_events where id = '${decision_id}'`),
    },
  ])
})

test('arguments select', async () => {
  const w = await world()
  const root = await rootOf(w, w.local)
  const child = await childOf(w, root.presented, { scopes: ['demo:read'] })
  await ask(w, whoami, {}, child.presented)
  w.pass(100)
  await refuse(w, revokeToken, { agent: 'nobody', cause: 'x' }, root.presented)
  const found = async (asked: Record<string, unknown>) =>
    (await ask(w, queryAudit, asked)).events.map(({ operation }) => operation)
  expect(await found({ agent: 'local' })).toEqual([
    'revoke_token',
    'whoami',
    'delegate_token',
    'mint_token',
    'start_root',
  ])
  expect(await found({ agent: w.local.id, outcome: 'refused' })).toEqual(['revoke_token'])
  expect(await found({ code: 'not_found' })).toEqual(['revoke_token'])
  expect(await found({ operation: 'whoami' })).toEqual(['whoami'])
  expect(await found({ grant_id: child.grant_id })).toEqual(['whoami'])
  expect(await found({ grant_id: root.grant_id })).toEqual([
    'revoke_token',
    'whoami',
    'delegate_token',
  ])
  expect(await found({ since: w.now(), agent: 'local' })).toEqual(['revoke_token'])
  expect(await found({ until: w.now() - 1, agent: 'local' })).not.toContain('revoke_token')
  expect(await found({ grant_id: w.context.newId('grt') })).toEqual([])
})

test('cursors page through all of them once', async () => {
  const w = await world()
  for (let i = 0; i < 5; i++) await rootOf(w, w.local)
  const asked = { agent: 'local' }
  const all = (await ask(w, queryAudit, asked)).events.map(({ id }) => id)
  expect(all).toEqual(all.toSorted().toReversed())
  for (const limit of [1, 2, 5]) {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const page = await ask(w, queryAudit, {
        ...asked,
        limit,
        ...(cursor !== undefined && { cursor }),
      })
      found.push(...page.events.map(({ id }) => id))
      cursor = page.next_cursor
    } while (cursor !== undefined && found.length < 9)
    expect(found).toEqual(all)
  }
})

test('it needs audit:read, and shows no other organisation', async () => {
  const w = await world()
  await rootOf(w, w.local)
  expect(await refuse(w, queryAudit, {}, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['audit:read'],
    missing_at: w.local.id,
  })
  const { admin } = await w.addOrg('other')
  const { events } = await ask(w, queryAudit, {}, admin)
  expect(new Set(events.map((event) => event.agent_id))).toEqual(new Set([admin.id]))
  expect(await refuse(w, queryAudit, { agent: w.local.id }, admin)).toMatchObject({
    code: 'not_found',
  })
})

test('whatever a known caller did names how it proved itself', async () => {
  const w = await world()
  const { presented } = await rootOf(w, w.local)
  await ask(w, whoami, {}, presented)
  const { events } = await ask(w, queryAudit, { agent: 'local' })
  expect(events.map((event) => event.presented?.['method'])).toEqual(['token', 'secret', 'secret'])
})

test.each([
  { limit: 0 },
  { limit: 1001 },
  { outcome: 'maybe' },
  { code: 'denied' },
  { operation: 'Drop Table' },
  { cursor: 'x' },
  { since: -1 },
  { agent: 'No Name' },
])('%j is malformed', async (asked) => {
  const w = await world()
  expect(await refuse(w, queryAudit, asked)).toMatchObject({ code: 'invalid_request' })
})
