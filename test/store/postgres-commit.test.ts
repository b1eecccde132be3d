// What goes wrong in the middle of a commit: what the database asks to repeat is repeated, what nobody knows
// the outcome of is said to be unknown, and nothing is ever acknowledged that is not there.

import { describe, expect, test } from 'vitest'
import { mintToken } from '../../src/operations/mint-token.ts'
import { chainHeads } from '../../src/store/audit.ts'
import { facts, insertFact } from '../../src/store/facts.ts'
import type { Store, Write } from '../../src/store/store.ts'
import {
  clientOf,
  doorTo,
  factUnit,
  openPostgres,
  postgresDatabase,
  unitOf,
} from '../support/postgres-store.ts'
import type { Cut } from '../support/postgres-store.ts'
import { world } from '../support/world.ts'

const names = async (store: Store) => (await store.read(facts)).map(({ name }) => name)

const slowly = (sql: string): Write => ({ sql, values: () => [] })

describe('what the database asks to try again', () => {
  test('a deadlock is tried again, and both sides are committed', async () => {
    const url = postgresDatabase()
    const [one, two] = [await openPostgres(url), await openPostgres(url)]
    await one.commit([factUnit('a'), factUnit('b')], 1)
    const touch = (name: string) =>
      slowly(`update store_facts set value = value where name = '${name}'`)
    const wait = slowly('select pg_sleep(0.3)')
    const results = await Promise.all([
      one.commit([unitOf(touch('a'), wait, touch('b'), insertFact('one', '1'))], 1),
      two.commit([unitOf(touch('b'), wait, touch('a'), insertFact('two', '1'))], 1),
    ])
    expect(results.flat().map(({ ok }) => ok)).toEqual([true, true])
    expect((await names(one)).toSorted()).toEqual(['a', 'b', 'one', 'two'])
    const client = await clientOf(url)
    const { rows } = await client.query<{ deadlocks: string }>(
      `select deadlocks from pg_stat_database where datname = current_database()`,
    )
    expect(Number(rows[0]?.deadlocks)).toBeGreaterThan(0)
  })

  test('a serialization failure is tried again', async () => {
    const url = postgresDatabase()
    const store = await openPostgres(url)
    const client = await clientOf(url)
    await client.query(`create sequence tries`)
    await client.query(`create function fails_twice() returns trigger language plpgsql as $$
      begin
        if nextval('tries') <= 2 then raise exception 'again' using errcode = '40001'; end if;
        return new;
      end $$`)
    await client.query(
      `create trigger t before insert on store_facts for each row execute function fails_twice()`,
    )
    expect(await store.commit([factUnit('a')], 1)).toEqual([{ ok: true, seq: expect.any(Number) }])
    expect(await names(store)).toEqual(['a'])
    expect(await store.read(chainHeads)).toMatchObject([{ seq: 1, sound: true }])
  })

  test('a connection that is ended before the commit costs a repeat and nothing else', async () => {
    const url = postgresDatabase()
    const store = await openPostgres(url)
    const client = await clientOf(url)
    const committing = store.commit([unitOf(slowly('select pg_sleep(1)'), insertFact('a', '1'))], 1)
    await expect
      .poll(async () => {
        const { rowCount } = await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(1)%'
             and pid <> pg_backend_pid() and state = 'active'`,
        )
        return rowCount
      })
      .toBe(1)
    expect(await committing).toEqual([{ ok: true, seq: expect.any(Number) }])
    expect(await names(store)).toEqual(['a'])
  })
})

const outcomes: [Cut, readonly string[]][] = [
  ['before the commit arrives', []],
  ['before the commit is answered', ['a']],
]

describe.each(outcomes)('a connection that is cut %s', (cut, kept) => {
  test('leaves the outcome unknown, and says so', async () => {
    const url = postgresDatabase()
    const door = await doorTo(url)
    const store = await openPostgres(door.url)
    door.cutNext(cut)
    await expect(store.commit([factUnit('a')], 1)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('it may have happened or not'),
    })
    expect(door.isCut()).toBe(true)
    expect(await names(await openPostgres(url))).toEqual(kept)
    const [again] = await store.commit([factUnit('a')], 1)
    expect(again?.ok).toBe(kept.length === 0)
    expect(await names(store)).toEqual(['a'])
  })

  test('is resolved by the same call with its idempotency key', async () => {
    const { w, door } = await behindDoor()
    const args = { scopes: ['demo:read'], delivery: 'meta', idempotency_key: 'once' }
    const worker = await w.addAgent('worker', 'demo:read')
    await w.result(mintToken, { scopes: ['demo:read'] }, worker)
    const there = await w.startProcess()
    door.cutNext(cut)
    const lost = await w.refusal(mintToken, args, worker, { in: there })
    expect([lost.code, lost.message]).toEqual([
      'unavailable',
      expect.stringContaining('it may have happened or not'),
    ])
    const { grant_id } = await w.result(mintToken, args, worker, { in: there })
    expect((await w.result(mintToken, args, worker)).grant_id).toBe(grant_id)
    expect(
      w.read(`select count(*) from grants where standing = 0 and agent_id = '${worker.id}'`),
    ).toBe(2)
  })
})

async function behindDoor() {
  let door: Awaited<ReturnType<typeof doorTo>> | undefined
  const w = await world({
    via: async (url) => {
      door ??= await doorTo(url)
      return door.through(url)
    },
  })
  if (door === undefined) throw new Error('There is no door.')
  return { w, door }
}

test('a full disk refuses with one clear error, still reads, and is written to again once there is room', async () => {
  const url = postgresDatabase()
  const store = await openPostgres(url)
  const client = await clientOf(url)
  await client.query(`create function no_room() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file' using errcode = '53100'; end $$`)
  await store.commit([factUnit('before')], 1)
  await client.query(
    `create trigger t before insert on store_facts for each row execute function no_room()`,
  )
  await expect(store.commit([factUnit('a')], 1)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The disk of the database is full; nothing was changed.',
  })
  expect(await names(store)).toEqual(['before'])
  await client.query('drop trigger t on store_facts')
  expect(await store.commit([factUnit('a')], 1)).toMatchObject([{ ok: true }])
  expect(await store.read(chainHeads)).toMatchObject([{ seq: 2, sound: true }])
})

test('a pool that is exhausted makes reads wait, and no commit', async () => {
  const url = postgresDatabase()
  const store = await openPostgres(url)
  const client = await clientOf(url)
  await client.query('select pg_advisory_lock(1)')
  let answered = 0
  const wait = { sql: 'select pg_advisory_xact_lock_shared(1)', values: [], map: () => 1 }
  const waiting = Array.from({ length: 40 }, async () => {
    await store.read(wait)
    answered += 1
  })
  expect(await store.commit([factUnit('a')], 1)).toMatchObject([{ ok: true }])
  expect(answered).toBe(0)
  await client.query('select pg_advisory_unlock(1)')
  await Promise.all(waiting)
  expect(await names(store)).toEqual(['a'])
})

test('commits that meet a table on its way elsewhere are all answered, and go on when it is back', async () => {
  const url = postgresDatabase()
  const store = await openPostgres(url)
  const client = await clientOf(url)
  let made = 0
  let isOver = false
  const outcomes = { kept: 0, refused: 0 }
  const commitUntilOver = async () => {
    while (!isOver) {
      made += 1
      try {
        await store.commit([factUnit(`f${made}`), factUnit(`g${made}`)], 1)
        outcomes.kept += 1
      } catch {
        outcomes.refused += 1
      }
    }
  }
  const committing = Array.from({ length: 4 }, commitUntilOver)
  for (let turn = 0; turn < 10; turn++) {
    const { kept, refused } = outcomes
    await expect.poll(() => outcomes.kept, { interval: 1, timeout: 60_000 }).toBeGreaterThan(kept)
    await client.query('alter table audit_events rename to elsewhere')
    await expect
      .poll(() => outcomes.refused, { interval: 1, timeout: 60_000 })
      .toBeGreaterThan(refused)
    await client.query('alter table elsewhere rename to audit_events')
  }
  isOver = true
  await Promise.all(committing)
  expect(await store.commit([factUnit('last')], 1)).toMatchObject([{ ok: true }])
  expect((await names(store)).length).toBe(2 * outcomes.kept + 1)
  expect(await store.read(chainHeads)).toMatchObject([{ seq: 2 * outcomes.kept + 1, sound: true }])
})

test('a server that takes no more connections is said to be away, and used again when it does', async () => {
  const url = postgresDatabase()
  const store = await openPostgres(url)
  const client = await clientOf(new URL('/postgres', url).href)
  const name = new URL(url).pathname.slice(1)
  await client.query(`alter database ${name} allow_connections false`)
  await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [
    name,
  ])
  await expect(store.commit([factUnit('a')], 1)).rejects.toThrow('The database answered')
  await client.query(`alter database ${name} allow_connections true`)
  expect(await store.commit([factUnit('b')], 1)).toMatchObject([{ ok: true }])
  expect(await names(store)).toEqual(['b'])
})
