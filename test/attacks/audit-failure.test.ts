// When the audit cannot be written (authority: 36, law 5), nothing is decided and nothing changes. The
// refusals of strangers are counted, so that nobody can fill it from outside.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { verifyAudit } from '../../src/operations/verify-audit.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import type { Value } from '../../src/store/store.ts'
import { isOnPostgres } from '../support/database.ts'
import { authorityIn, eventsOf, filesBelow, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const reading = { permissions: ['demo:read'] }

/** Ways in which events cannot be written, and what mends each. */
const failures: readonly (readonly [string, (w: World) => () => void])[] = [
  [
    'the table is gone',
    (w) => {
      w.tamper('alter table audit_events rename to elsewhere')
      return () => void w.tamper('alter table elsewhere rename to audit_events')
    },
  ],
  [
    'the database refuses every row',
    (w) => {
      if (isOnPostgres()) w.tamper(refusing)
      w.tamper(`create trigger refuses before insert on audit_events ${refuse}`)
      const from = isOnPostgres() ? ' on audit_events' : ''
      return () => void w.tamper(`drop trigger refuses${from}`)
    },
  ],
  // A process that owns its chain knows the end of it, whatever the database says.
  ...(isOnPostgres() ? [] : [['its end was set back', setBack] as const]),
]

const refuse = isOnPostgres()
  ? 'for each row execute function refuse()'
  : `begin select raise(abort, 'x'); end`
const refusing = `
  create function refuse() returns trigger language plpgsql
    as $$ begin raise exception 'x'; end $$`

/** The end of the chain as it was earlier; returns what puts it right again. */
function setBack(w: World): () => void {
  const put = ([chain = '', ...head]: readonly Value[]) => {
    const set = 'update audit_heads set seq = ?, hash = ?, at = ?, mac = ? where chain = ?'
    expect(w.tamper(set, ...head, chain)).toBe(1)
  }
  const now = endOf(w)
  put(earlier.get(w) ?? [])
  return () => {
    put(now)
  }
}

const earlier = new WeakMap<World, readonly Value[]>()

/** Of the chain that was written last. */
function endOf(w: World): readonly Value[] {
  const head = tablesOf(w)['audit_heads']?.at(-1) as Readonly<Record<string, Value>>
  return ['chain', 'seq', 'hash', 'at', 'mac'].map((column) => head[column] ?? null)
}

/** A world whose end of the audit was copied before the last events. */
async function prepared(): Promise<World> {
  const w = await world()
  earlier.set(w, endOf(w))
  await w.result(mintToken, { scopes: ['demo:read'] }, w.local)
  await w.result(checkPermission, reading, w.admin)
  await w.context.audit.flush()
  return w
}

describe('while the audit cannot be written', () => {
  test.each(failures)('because %s, changes and refusals leave nothing', async (_, fail) => {
    const w = await prepared()
    const before = authorityIn(w)
    const files = Object.keys(filesBelow(w.home))
    const mend = fail(w)
    const agent = { name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }
    const register = await w.call(registerAgent, agent)
    const denied = await w.call(registerAgent, agent, w.local)
    mend()
    expect(
      [register, denied].map((answer) => (answer.ok ? 'allowed' : answer.refusal.code)),
    ).toEqual(['unavailable', expect.stringMatching(/^(unavailable|insufficient_scope)$/)])
    expect(!denied.ok && denied.refusal.detail.decision_id).toBeUndefined()
    expect(authorityIn(w)).toEqual(before)
    expect(Object.keys(filesBelow(w.home))).toEqual(files)
    expect((await w.call(registerAgent, agent)).ok).toBe(true)
    expect((await w.result(verifyAudit)).ok).toBe(true)
  })

  test.each(failures)('because %s, checks answer unavailable', async (_, fail) => {
    const w = await prepared()
    const mend = fail(w)
    await w.call(checkPermission, reading, w.local)
    await expect(w.context.audit.flush()).rejects.toMatchObject({ code: 'unavailable' })
    for (const as of [w.admin, w.local]) {
      expect((await w.refusal(checkPermission, reading, as)).code).toBe('unavailable')
      expect((await w.refusal(whoami, {}, as)).code).toBe('unavailable')
    }
    mend()
    await w.context.audit.flush()
    expect((await w.result(checkPermission, reading, w.local)).allowed).toBe(true)
    const checks = await eventsOf(w, 'check_permission')
    const counted = checks.filter(({ presented }) => presented?.includes(w.local.id))
    expect(counted.map(({ code, count }) => [code, count])).toEqual([
      ['allowed', 1],
      ['allowed', 1],
    ])
    expect((await w.result(verifyAudit)).ok).toBe(true)
  })

  test('a check whose event must be durable is not answered without it', async () => {
    const w = await prepared()
    const strict = await w.startProcess({ auditChecks: 'sync' })
    await w.result(checkPermission, reading, w.local, { in: strict })
    w.tamper('alter table audit_events rename to elsewhere')
    const answer = await w.call(checkPermission, reading, w.local, { in: strict })
    w.tamper('alter table elsewhere rename to audit_events')
    expect(answer.ok ? 'allowed' : answer.refusal.code).toBe('unavailable')
  })
})

test.runIf(isOnPostgres())('an end that was set back is put right by the next event', async () => {
  const w = await prepared()
  setBack(w)
  await w.result(mintToken, { scopes: ['demo:read'] }, w.local)
  expect((await w.result(verifyAudit)).ok).toBe(true)
})

describe('refusals of strangers', () => {
  test('are one event for each operation and code, with a count', async () => {
    const w = await world()
    await w.context.audit.flush()
    const start = (await eventsOf(w)).length
    const nobody: Presented = { kind: 'nothing' }
    for (let i = 0; i < 50; i++) {
      const presentedSecret = newSecret('agent_secret').reveal()
      await w.call(whoami, {}, { kind: 'secret', agentId: w.local.id, presentedSecret })
      await w.call(checkPermission, reading, nobody)
    }
    expect(tablesOf(w)['audit_events']).toHaveLength(start)
    const events = (await eventsOf(w)).slice(start)
    expect(
      events.map(({ operation, code, count, agentId, presented }) => ({
        operation,
        code,
        count,
        agentId,
        presented,
      })),
    ).toEqual([
      { operation: 'whoami', code: 'invalid_client', count: 50 },
      { operation: 'check_permission', code: 'invalid_client', count: 50 },
    ])
  })

  test('those of known callers are durable with the answer', async () => {
    const w = await world()
    const agent = { name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }
    const { detail } = await w.refusal(registerAgent, agent, w.local)
    const ids = (tablesOf(w)['audit_events'] ?? []).map((event) => event['id'])
    expect(ids).toContain(detail.decision_id)
  })
})
