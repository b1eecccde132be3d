// Whatever is done to the audit past Remit shows, and says where.

import { beforeEach, describe, expect, test, vi } from 'vitest'
import { auditHash, verifyAudit } from '../../src/authority/audit-verification.ts'
import type { AuditSource } from '../../src/authority/audit-verification.ts'
import { writeCheckpoint } from '../../src/authority/checkpoint.ts'
import type { UnlinkedEvent } from '../../src/core/audit-link.ts'
import { checkpointsOf, chainHead } from '../../src/store/audit.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** Where there is one chain; what holds for many is in test/store/postgres-upkeep.test.ts. */
beforeEach(() => void vi.stubEnv('REMIT_TEST_ENGINE', 'sqlite'))

const sourceOf = ({ context }: World): AuditSource => ({
  store: context.store,
  hashOf: auditHash(context.keys),
  verifiers: context.ring.verifiers('checkpoint', context.now()),
  issuer: context.self.issuer,
})

const eventOf = ({ context, orgId, serverId }: World, n: number): UnlinkedEvent => ({
  id: context.newId('evt'),
  at: context.now(),
  orgId,
  operation: 'whoami',
  outcome: 'allowed',
  code: 'allowed',
  lineage: [],
  detail: JSON.stringify({ n }),
  count: 1,
  serverId,
})

/** Adds events until the chain has this many. */
async function fillTo(w: World, length: number): Promise<void> {
  const [head] = await w.context.store.read(chainHead('main'))
  const events = Array.from({ length: length - (head?.seq ?? 0) }, (_, n) => eventOf(w, n))
  await w.context.committer.submit({ writes: [], events })
}

const filled = async (length = 30): Promise<World> => {
  const w = await world()
  await fillTo(w, length)
  return w
}

const headOf = async (w: World): Promise<string> =>
  (await w.context.store.read(chainHead('main')))[0]?.hash ?? ''

const verdict = async (w: World, range: Parameters<typeof verifyAudit>[1] = {}) => {
  const { ok, chains } = await verifyAudit(sourceOf(w), range)
  const [chain] = chains
  return { ok, first_bad_seq: chain?.first_bad_seq, what: chain?.what }
}

const sound = { ok: true, first_bad_seq: undefined, what: undefined }

describe('an untouched audit', () => {
  test('is followed to its head', async () => {
    const w = await filled()
    expect(await verifyAudit(sourceOf(w))).toEqual({
      ok: true,
      count: 30,
      chains: [{ chain: 'main', count: 30, head: await headOf(w) }],
    })
  })

  test('is followed over many pages', async () => {
    const w = await filled(3001)
    expect(await verifyAudit(sourceOf(w))).toMatchObject({ ok: true, count: 3001 })
  })

  test.each([
    [{ from: 11 }, 20],
    [{ to: 10 }, 10],
    [{ from: 11, to: 20 }, 10],
    [{ from: 30, to: 30 }, 1],
    [{ from: 25, to: 1000 }, 6],
    [{ from: 31 }, 0],
  ])('is followed in the range %j', async (range, count) => {
    const w = await filled()
    expect(await verifyAudit(sourceOf(w), range)).toMatchObject({ ok: true, count })
  })

  test('passes through its checkpoints', async () => {
    const w = await filled(20)
    await writeCheckpoint(w.context)
    await fillTo(w, 30)
    await writeCheckpoint(w.context)
    expect(await verdict(w)).toEqual(sound)
  })

  test('has no chain of another name', async () => {
    const w = await filled()
    await expect(verifyAudit(sourceOf(w), { chain: 'other' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('what was done to it', () => {
  const rows: [string, (w: World) => unknown, { first_bad_seq: number; what: unknown }][] = [
    [
      'an event was edited',
      (w) => w.tamper(`update audit_events set outcome = 'refused' where seq = 12`),
      { first_bad_seq: 12, what: 'edited' },
    ],
    [
      'an event was removed',
      (w) => w.tamper(`delete from audit_events where seq = 12`),
      { first_bad_seq: 12, what: 'missing' },
    ],
    [
      'the first event was removed',
      (w) => w.tamper(`delete from audit_events where seq = 1`),
      { first_bad_seq: 1, what: 'missing' },
    ],
    [
      'two events changed places',
      (w) => {
        w.tamper(`update audit_events set seq = -12 where seq = 12`)
        w.tamper(`update audit_events set seq = 12 where seq = 13`)
        w.tamper(`update audit_events set seq = 13 where seq = -12`)
      },
      { first_bad_seq: 12, what: 'reordered' },
    ],
    [
      'an event was moved into the place of another',
      (w) => {
        w.tamper(`delete from audit_events where seq = 12`)
        w.tamper(`update audit_events set seq = seq - 1 where seq > 12`)
      },
      { first_bad_seq: 12, what: 'reordered' },
    ],
    [
      'a link was edited',
      (w) => w.tamper(`update audit_events set previous = 'x' where seq = 12`),
      { first_bad_seq: 12, what: 'edited' },
    ],
    [
      'the tail was cut',
      (w) => w.tamper(`delete from audit_events where seq > 25`),
      { first_bad_seq: 26, what: 'truncated' },
    ],
    [
      'the tail was cut and the head set back',
      (w) => {
        w.tamper(`delete from audit_events where seq > 25`)
        w.tamper(`
          update audit_heads
          set seq = 25, hash = (select hash from audit_events where seq = 25)`)
      },
      { first_bad_seq: 26, what: 'truncated' },
    ],
    [
      'the head was removed',
      (w) => w.tamper(`delete from audit_heads`),
      { first_bad_seq: 31, what: 'truncated' },
    ],
    [
      'everything was removed',
      (w) => {
        w.tamper(`delete from audit_heads`)
        w.tamper(`delete from audit_events`)
      },
      { first_bad_seq: 1, what: 'truncated' },
    ],
    [
      'an event was appended past the head',
      (w) =>
        w.tamper(`
          insert into audit_events
          select chain, 31, id || 'x', at, org_id, operation, outcome, code, agent_id, instance_id,
            grant_id, lineage, presented, target, detail, count, trace_id, server_id, hash, hash
          from audit_events where seq = 30`),
      { first_bad_seq: 31, what: 'edited' },
    ],
  ]
  test.each(rows)('%s', async (_, tamper, expected) => {
    const w = await filled()
    tamper(w)
    expect(await verdict(w)).toEqual({ ok: false, ...expected })
  })

  test('damage outside of a range is not told in it', async () => {
    const w = await filled()
    w.tamper(`update audit_events set code = 'conflict' where seq = 5`)
    expect(await verdict(w, { from: 6 })).toEqual(sound)
    expect(await verdict(w, { to: 4 })).toEqual(sound)
    expect(await verdict(w, { from: 4, to: 6 })).toMatchObject({ first_bad_seq: 5 })
  })

  test('a range that begins after a gap is missing what is before it', async () => {
    const w = await filled()
    w.tamper(`delete from audit_events where seq = 10`)
    expect(await verdict(w, { from: 11 })).toEqual({
      ok: false,
      first_bad_seq: 10,
      what: 'missing',
    })
  })
})

describe('no new chain begins', () => {
  test.each([
    ['the head', [`delete from audit_heads`]],
    ['the head and every event', [`delete from audit_heads`, `delete from audit_events`]],
  ])('where %s was removed', async (_, statements) => {
    const w = await filled()
    for (const sql of statements) w.tamper(sql)
    const event = eventOf(w, 31)
    await expect(w.context.committer.submit({ writes: [], events: [event] })).rejects.toMatchObject(
      { code: 'unavailable' },
    )
    expect(w.read(`select count(*) from audit_heads`)).toBe(0)
  })
})

describe('checkpoints', () => {
  test('are written only when the head has moved', async () => {
    const w = await filled(20)
    await writeCheckpoint(w.context)
    await writeCheckpoint(w.context)
    const checkpoints = await w.context.store.read(checkpointsOf('main'))
    expect(checkpoints).toEqual([
      {
        chain: 'main',
        seq: 20,
        head: await headOf(w),
        at: w.now(),
        signed: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      },
    ])
    expect(
      JSON.parse(Buffer.from(checkpoints[0]?.signed.split('.')[1] ?? '', 'base64url').toString()),
    ).toEqual({
      iss: w.issuer,
      server_id: w.serverId,
      chain: 'main',
      seq: 20,
      head: checkpoints[0]?.head,
      at: w.now(),
    })
  })

  test('are not signed over an end that was tampered with', async () => {
    const w = await filled()
    w.tamper(`update audit_heads set seq = 25`)
    await expect(writeCheckpoint(w.context)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('show a chain that was set back with its sealed head', async () => {
    const w = await filled(20)
    const [old] = await w.context.store.read(chainHead('main'))
    const mac = w.read(`select mac from audit_heads`)
    await fillTo(w, 30)
    await writeCheckpoint(w.context)
    w.tamper(`delete from audit_events where seq > 20`)
    w.tamper(
      `update audit_heads set seq = ?, hash = ?, at = ?, mac = ?`,
      old?.seq ?? 0,
      old?.hash ?? '',
      old?.at ?? 0,
      mac,
    )
    expect(await verdict(w)).toEqual({ ok: false, first_bad_seq: 21, what: 'truncated' })
  })

  test.each(['head', 'signed', 'at'])('that were edited in %s are told', async (column) => {
    const w = await filled(20)
    await writeCheckpoint(w.context)
    w.tamper(`update audit_checkpoints set ${column} = ${column} || '1'`)
    expect(await verdict(w)).toEqual({ ok: false, first_bad_seq: 20, what: 'edited' })
  })

  test('show a chain that was linked anew with all its keys but theirs', async () => {
    const w = await filled(20)
    await writeCheckpoint(w.context)
    const plain = { ...sourceOf(w), hashOf: () => 'x' }
    w.tamper(`update audit_events set hash = 'x', previous = 'x' where seq > 1`)
    w.tamper(`update audit_events set hash = 'x' where seq = 1`)
    const { chains } = await verifyAudit(plain)
    expect(chains[0]).toMatchObject({ first_bad_seq: 20, what: 'edited' })
  })
})
