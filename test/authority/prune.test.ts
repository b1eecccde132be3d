// What ended long ago goes, in short commits; what something still needs stays, and the audit is pruned
// only behind a checkpoint that is kept outside.
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { keepCheckpoints } from '../../src/authority/checkpointing.ts'
import { onHost } from '../../src/authority/on-host.ts'
import { pruneStore } from '../../src/authority/prune.ts'
import { verifyStore } from '../../src/authority/verify-store.ts'
import type { Context } from '../../src/authority/context.ts'
import type { Handoff } from '../../src/store/handoffs.ts'
import { insertHandoff, claimHandoff } from '../../src/store/handoffs.ts'
import { recordAnswer, spendProof } from '../../src/store/idempotency.ts'
import { listPermissions } from '../../src/operations/list-permissions.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { whoami } from '../operations/asking.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** Where there is one chain; what holds for many is in test/store/postgres-upkeep.test.ts. */
beforeEach(() => void vi.stubEnv('REMIT_TEST_ENGINE', 'sqlite'))

const day = 86_400

interface Set {
  readonly w: World
  readonly kept: string
  /** The world's process, which keeps checkpoints outside. */
  readonly context: Context
  readonly prune: (olderThan?: number, dryRun?: boolean) => ReturnType<typeof pruneStore>
  readonly verify: () => ReturnType<typeof verifyStore>
}

async function set(): Promise<Set> {
  const w = await world()
  const kept = join(w.home, 'kept.jsonl')
  const context = { ...w.context, settings: { ...w.context.settings, checkpoints: kept } }
  const { store, keys, self } = w.context
  const host = () => onHost({ store, keys, facts: self, schemaVersion: 1 }, w.context)
  return {
    w,
    kept,
    context,
    prune: async (olderThan = 2 * day, dryRun = false) =>
      pruneStore(await host(), { home: w.home, checkpoints: kept }, { olderThan, dryRun }),
    verify: async () => verifyStore(await host(), { kept }),
  }
}

const count = (w: World, table: string) => Number(w.read(`select count(*) from ${table}`))
const nothing = {
  grants: 0,
  tokens: 0,
  handoffs: 0,
  idempotency_records: 0,
  used_proofs: 0,
  request_keys: 0,
  deliveries: 0,
  audit: [],
}

const mint = (w: World, more: object = {}) =>
  w.result(mintToken, { scopes: ['demo:read'], grant_ttl_seconds: 3600, ...more })

describe('grants', () => {
  test('go with their tokens and uses when they ended long enough ago', async () => {
    const { w, prune } = await set()
    await mint(w)
    await mint(w, { uses: 3 })
    w.pass(3600 + 2 * day)
    expect(await prune()).toMatchObject({ grants: 0, tokens: 0 })
    w.pass(1)
    expect(await prune(2 * day, true)).toMatchObject({ dry_run: true, grants: 2, tokens: 2 })
    expect(count(w, 'grants where standing = 0')).toBe(2)
    expect(await prune()).toMatchObject({ grants: 2, tokens: 2 })
    for (const table of ['grants where standing = 0', 'tokens', 'grant_uses']) {
      expect(count(w, table)).toBe(0)
    }
    expect(await prune()).toMatchObject({ ...nothing, used_proofs: 0 })
  })

  test('that have no end of their own stay for ever', async () => {
    const { w, prune } = await set()
    await mint(w)
    const roots = count(w, 'grants where standing = 1')
    w.pass(1000 * day)
    await prune()
    expect(roots).toBeGreaterThan(0)
    expect(count(w, 'grants where standing = 1')).toBe(roots)
  })

  test('that a finding is about stay, and all above them', async () => {
    const { w, prune } = await set()
    const { grant_id } = await mint(w)
    await mint(w)
    const finding = {
      id: w.context.newId('evt'),
      at: w.now(),
      orgId: w.orgId,
      operation: 'check_permission',
      outcome: 'refused' as const,
      code: 'invalid_token',
      grantId: grant_id,
      lineage: [],
      detail: JSON.stringify({ finding: 'forged_claims' }),
      count: 1,
      serverId: w.serverId,
    }
    await w.context.committer.submit({ writes: [], events: [finding] })
    w.pass(10 * day)
    expect(await prune()).toMatchObject({ grants: 1, tokens: 1 })
    expect(w.read(`select id from grants where standing = 0`)).toBe(grant_id)
  })

  test('under which something was made that outlives them stay', async () => {
    const { w, prune } = await set()
    const minted = await w.result(mintToken, {
      scopes: ['agents:register', 'credentials:create', 'demo:read'],
      grant_ttl_seconds: 3600,
      delivery: 'inline',
    })
    const { delivery } = minted as unknown as { delivery: { token: string } }
    const made = { name: 'made', description: 'x', owner: 'x', ceiling: ['demo:read'] }
    await w.result(
      registerAgent,
      { ...made, credential: { kind: 'none' } },
      { kind: 'token', presentedToken: delivery.token },
    )
    await mint(w)
    w.pass(10 * day)
    expect(await prune()).toMatchObject({ grants: 1 })
    expect(w.read(`select id from grants where standing = 0`)).toBe(minted.grant_id)
  })
})

test('many go in short commits, between which others write', async () => {
  const { w, prune } = await set()
  const rows = Array.from({ length: 1700 }, (_, n) => spendProof(`proof-${n}`, w.now()))
  await w.write(rows)
  w.pass(10 * day)
  const other = await w.startProcess()
  let pruning = true
  const pruned = prune().finally(() => {
    pruning = false
  })
  let written = 0
  while (pruning) {
    expect(await other.committer.submit({ writes: [], events: [] })).toBe('committed')
    written += 1
    await new Promise((resolve) => void setTimeout(resolve, 1))
  }
  // One more, of this server's own registration.
  expect((await pruned).used_proofs).toBe(1701)
  expect(written).toBeGreaterThan(3)
  expect(count(w, 'used_proofs')).toBe(0)
})

test('keys of request signing go with the credentials that ended, and no other', async () => {
  const { w, prune } = await set()
  for (const holder of [w.admin, w.local]) await w.result(whoami, {}, holder)
  await w.result(rotateCredential, { overlap_seconds: day, delivery: 'meta' }, w.local)
  w.pass(3 * day)
  expect(await prune()).toMatchObject({ request_keys: 0 })
  w.pass(1)
  expect(await prune(undefined, true)).toMatchObject({ request_keys: 1 })
  expect(await prune()).toMatchObject({ request_keys: 1 })
  expect(w.read('select credential_id from request_keys')).toBe(w.admin.credentialId)
})

test('answers are remembered for as long as asked', async () => {
  const { w, prune } = await set()
  const answer = (keyHash: string) =>
    recordAnswer({ keyHash, operation: 'x', argumentsHash: 'x', result: '{}' }, w.now())
  await w.write([answer('old')])
  w.pass(2 * day)
  await w.write([answer('new')])
  w.pass(1)
  expect(await prune()).toMatchObject({ idempotency_records: 1 })
  expect(w.read('select key_hash from idempotency')).toBe('new')
})

test('handoffs go when they are over, but not one whose second claim still reveals a theft', async () => {
  const { w, prune } = await set()
  const handoff = (id: string, byCodeAlone: boolean): Handoff => ({
    id,
    orgId: w.orgId,
    codeHash: id,
    kind: 'secret',
    credentialId: w.admin.credentialId,
    recipientId: w.admin.id,
    byCodeAlone,
    createdAt: w.now(),
    expiresAt: w.now() + 600,
  })
  await w.write([
    insertHandoff(handoff('hof_named', false)),
    insertHandoff(handoff('hof_claimed', true)),
    insertHandoff(handoff('hof_never', true)),
    claimHandoff('hof_claimed', w.now(), undefined),
  ])
  w.pass(10 * day)
  await w.write([insertHandoff(handoff('hof_new', false))])
  expect(await prune()).toMatchObject({ handoffs: 2 })
  expect(w.read(`select min(id) from handoffs`)).toBe('hof_claimed')
  expect(w.read(`select max(id) from handoffs`)).toBe('hof_new')
})

test('deliveries go when their time is over', async () => {
  const { w, prune } = await set()
  const folder = join(w.home, 'deliveries')
  mkdirSync(folder)
  for (const [name, until] of [
    ['over', w.now()],
    ['good', w.now() + 9],
  ] as const) {
    writeFileSync(join(folder, name), 'x')
    utimesSync(join(folder, name), until, until)
  }
  expect(await prune(2 * day, true)).toMatchObject({ deliveries: 1 })
  expect(readdirSync(folder)).toHaveLength(2)
  expect(await prune()).toMatchObject({ deliveries: 1 })
  expect(readdirSync(folder)).toEqual(['good'])
})

test('nothing younger than a day is pruned', async () => {
  const { prune } = await set()
  await expect(prune(day - 1)).rejects.toMatchObject({ code: 'invalid_request' })
})

describe('the audit', () => {
  const act = async (w: World, times: number) => {
    for (let i = 0; i < times; i++) {
      await w.result(listPermissions)
      await w.context.audit.flush()
    }
  }
  const firstSeq = (w: World) => Number(w.read('select min(seq) from audit_events'))
  const lastSeq = (w: World) => Number(w.read('select max(seq) from audit_events'))

  /** An old part that ends with a checkpoint, and a new one. */
  async function aged(): Promise<Set & { readonly old: number }> {
    const made = await set()
    await act(made.w, 5)
    const old = lastSeq(made.w)
    await keepCheckpoints(made.context)
    await act(made.w, 3)
    made.w.pass(3 * day)
    await act(made.w, 2)
    return { ...made, old }
  }

  test('goes up to the newest old checkpoint and verifies from there', async () => {
    const made = await aged()
    const { w, old } = made
    const chain = String(w.read('select chain from audit_heads'))
    const audit = [{ chain, events: old, from_seq: old + 1 }]
    expect(await made.prune(2 * day, true)).toMatchObject({ audit })
    expect(firstSeq(w)).toBe(1)
    expect(await made.prune()).toMatchObject({ audit })
    expect(firstSeq(w)).toBe(old + 1)
    expect(await made.verify()).toMatchObject({ ok: true, count: lastSeq(w) - old })
    await act(w, 1)
    await keepCheckpoints(made.context)
    expect(await made.verify()).toMatchObject({ ok: true })
  })

  test('is pruned again behind a later checkpoint', async () => {
    const made = await aged()
    await made.prune()
    await keepCheckpoints(made.context)
    made.w.pass(3 * day)
    await act(made.w, 1)
    const [pruned] = (await made.prune()).audit
    expect(pruned?.from_seq).toBeGreaterThan(made.old + 1)
    expect(firstSeq(made.w)).toBe(pruned?.from_seq)
    expect(await made.verify()).toMatchObject({ ok: true })
  })

  test('what was pruned is remembered in it', async () => {
    const made = await aged()
    await made.prune()
    const { events } = await made.w.result(queryAudit, { operation: 'prune_audit' })
    expect(events).toMatchObject([{ detail: { up_to: made.old } }])
    expect((await made.w.result(queryAudit, { operation: 'prune' })).events).toHaveLength(1)
  })

  test.each<[string, (made: Set) => unknown]>([
    ['that was not kept outside', ({ kept }) => rmSync(kept)],
    ['that is kept outside alone', ({ w }) => w.tamper('delete from audit_checkpoints')],
    ['whose signature is forged', ({ w }) => w.tamper(`update audit_checkpoints set signed = 'x'`)],
  ])('does not go behind a checkpoint %s', async (_name, spoil) => {
    const made = await aged()
    spoil(made)
    expect(await made.prune()).toMatchObject({ audit: [] })
    expect(firstSeq(made.w)).toBe(1)
  })

  test('that was tampered with is kept as evidence', async () => {
    const made = await aged()
    made.w.tamper(`update audit_events set code = 'conflict' where seq = 4`)
    await expect(made.prune()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('event 4'),
    })
    expect(firstSeq(made.w)).toBe(1)
  })

  test.each<[string, (w: World, old: number) => unknown, (old: number) => object]>([
    [
      'a beginning that was cut further',
      (w, old) => w.tamper(`delete from audit_events where seq = ${old + 1}`),
      (old) => ({ first_bad_seq: old + 1, what: 'missing' }),
    ],
    [
      'a floor that was raised by hand',
      (w, old) => {
        w.tamper(`delete from audit_events where seq <= ${old + 2}`)
        w.tamper(
          `update audit_floors set seq = ${old + 2}, hash = (select previous from audit_events where seq = ${old + 3})`,
        )
      },
      () => ({ first_bad_seq: 1, what: 'missing' }),
    ],
    [
      'a floor that was removed',
      (w) => w.tamper('delete from audit_floors'),
      () => ({ first_bad_seq: 1, what: 'missing' }),
    ],
  ])('shows %s', async (_name, tamper, bad) => {
    const made = await aged()
    await made.prune()
    tamper(made.w, made.old)
    const { ok, chains } = await made.verify()
    expect(ok).toBe(false)
    expect(chains[0]).toMatchObject(bad(made.old))
  })

  test('a run that was cut short is finished by the next', async () => {
    const made = await aged()
    const rows = ['chain', 'seq', 'hash', 'at', 'mac']
    const { w } = made
    await made.prune()
    const floor = rows.map((column) => w.read(`select ${column} from audit_floors`))
    // As if only some of the events were gone: one below the floor is there again.
    w.tamper(
      `insert into audit_events select chain, 2, id || 'x', at, org_id, operation, outcome, code, agent_id,
         instance_id, grant_id, lineage, presented, target, detail, count, trace_id, server_id, previous, hash
       from audit_events where seq = ${made.old + 1}`,
    )
    expect(await made.verify()).toMatchObject({ ok: true })
    expect(await made.prune()).toMatchObject({ audit: [{ events: 1, from_seq: made.old + 1 }] })
    expect(rows.map((column) => w.read(`select ${column} from audit_floors`))).toEqual(floor)
  })
})
