// What another process changed is heard of, and where hearing is broken the database is asked: nobody decides
// on a stale memory, and nobody steps over a change that is committed late.

import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { changesAfter } from '../../src/store/facts.ts'
import { putAgent } from '../../src/store/agents.ts'
import type { Store } from '../../src/store/store.ts'
import { agent } from '../support/state.ts'
import { clientOf, openPostgres, postgresDatabase, unitOf } from '../support/postgres-store.ts'

const change = (id: string) => unitOf(putAgent(agent({ id, name: id })))

/** Ends the connections that listen, as a network would. */
const cutListeners = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = $1
    and query in ('listen remit_changes', 'select coalesce(max(seq), 0) as seq from changes')`

const patience = { timeout: 15_000, interval: 2 }

/** A connection that stays when nobody is let into the store's database any more. */
async function outside(url: string) {
  const client = await clientOf(new URL('/postgres', url).href)
  return { client, name: new URL(url).pathname.slice(1) }
}

/** Whether the database is asked, because the connection that listens is known to be lost. */
async function asks(store: Store): Promise<boolean> {
  const answer = store.changedElsewhere()
  if (!(answer instanceof Promise)) return false
  await answer.catch(() => undefined)
  return true
}

async function pair() {
  const url = postgresDatabase()
  const [writer, follower] = [await openPostgres(url), await openPostgres(url)]
  await follower.changedElsewhere()
  return { url, writer, follower }
}

const ids = async (store: Store, after: number) =>
  (await store.read(changesAfter(after))).map(({ id }) => id)

describe('hearing', () => {
  test('a change is rung for and heard of once, and is no news to who made it', async () => {
    const { url, writer, follower } = await pair()
    const client = await clientOf(url)
    const rung: string[] = []
    client.on('notification', ({ payload = '' }) => void rung.push(payload))
    await client.query('listen remit_changes')
    await writer.changedElsewhere()
    await writer.commit([change('agt_1')], 1)
    await expect.poll(() => rung, patience).toEqual([expect.stringMatching(/^chain-\d+ 1$/)])
    await expect.poll(() => follower.changedElsewhere(), patience).toBe(true)
    expect(await follower.changedElsewhere()).toBe(false)
    // A poll that overtook the answer to the commit may be taken for news, once.
    await writer.changedElsewhere()
    expect(await writer.changedElsewhere()).toBe(false)
  })

  test('a change between two of one’s own is heard of', async () => {
    const { writer, follower } = await pair()
    await follower.commit([change('agt_1')], 1)
    await writer.commit([change('agt_2')], 1)
    await follower.commit([change('agt_3')], 1)
    await expect.poll(() => follower.changedElsewhere(), patience).toBe(true)
  })

  test('a change that nobody rang for is caught by the poll', async () => {
    const { url, follower } = await pair()
    const client = await clientOf(url)
    await client.query(
      `insert into changes (seq, entity, entity_id, at) values (1, 'agent', 'x', 1)`,
    )
    await expect.poll(() => follower.changedElsewhere(), patience).toBe(true)
  })

  test('strict asks the database every time', async () => {
    const url = postgresDatabase()
    const [writer, follower] = [await openPostgres(url), await openPostgres(url, { strict: true })]
    await follower.changedElsewhere()
    for (let i = 0; i < 20; i++) {
      await writer.commit([change(`agt_${i}`)], 1)
      expect(await follower.changedElsewhere()).toBe(true)
      expect(await follower.changedElsewhere()).toBe(false)
    }
  })
})

describe('while the listening connection is lost', () => {
  test('every answer comes from the database, until it listens again', async () => {
    const { url, writer, follower } = await pair()
    await writer.commit([change('agt_first')], 1)
    // Nobody new is let in, so that it has the connection to ask by already.
    expect(await ids(follower, 0)).toEqual(['agt_first'])
    const { client, name } = await outside(url)
    await client.query(`alter database ${name} allow_connections false`)
    await client.query(cutListeners, [name])
    await expect.poll(() => asks(follower), patience).toBe(true)
    for (let i = 0; i < 5; i++) {
      await writer.commit([change(`agt_${i}`)], 1)
      expect(await follower.changedElsewhere()).toBe(true)
      expect(await follower.changedElsewhere()).toBe(false)
    }
    await client.query(`alter database ${name} allow_connections true`)
    await expect.poll(() => asks(follower), patience).toBe(false)
    await writer.commit([change('agt_heard')], 1)
    await expect.poll(() => follower.changedElsewhere(), patience).toBe(true)
  })

  test('and the database is away too, there is no answer rather than an old one', async () => {
    const { url, follower } = await pair()
    const { client, name } = await outside(url)
    await client.query(`alter database ${name} allow_connections false`)
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`,
      [name],
    )
    await expect.poll(() => asks(follower), patience).toBe(true)
    await expect(async () => follower.changedElsewhere()).rejects.toThrow('The database answered')
    await client.query(`alter database ${name} allow_connections true`)
    await expect.poll(() => answered(follower), patience).toBe(true)
  })
})

test('a start waits for a database that is slow to tell its newest change', async () => {
  const url = postgresDatabase()
  await (await openPostgres(url)).commit([change('agt_1')], 1)
  const slow = await clientOf(url)
  await slow.query('begin')
  await slow.query('lock table changes in access exclusive mode')
  const opening = openPostgres(url)
  // Longer than any poll may take.
  await Promise.race([opening, wait(2_500)])
  await slow.query('rollback')
  expect(await ids(await opening, 0)).toEqual(['agt_1'])
})

describe('a change that is committed late', () => {
  test('is numbered after those that were committed meanwhile, where it was not numbered yet', async () => {
    const { url, writer, follower } = await pair()
    const late = await clientOf(url)
    await late.query(`begin`)
    await late.query(`insert into store_facts (name, value) values ('late', '1')`)
    for (let i = 0; i < 50; i++) await writer.commit([change(`agt_${i}`)], 1)
    const seen = await ids(follower, 0)
    expect(seen).toHaveLength(50)
    await late.query(lock)
    await late.query(number)
    await late.query('commit')
    expect(await ids(follower, 50)).toEqual(['late'])
  })

  test('holds up whoever would be numbered after it, so that nobody steps over it', async () => {
    const { url, writer, follower } = await pair()
    const late = await clientOf(url)
    await late.query(`begin`)
    await late.query(lock)
    await late.query(number)
    const later = Array.from({ length: 50 }, (_, i) => change(`agt_${i}`))
    const committed = Promise.all(later.map((unit) => writer.commit([unit], 1)))
    const other = openPostgres(url).then((store) => store.commit([change('agt_other')], 1))
    let newest = 0
    for (let i = 0; i < 20; i++) {
      newest = Math.max(newest, ...(await follower.read(changesAfter(0))).map(({ seq }) => seq))
      await pause(10)
    }
    expect(newest).toBe(0)
    await late.query('commit')
    await Promise.all([committed, other])
    const all = await follower.read(changesAfter(newest))
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 52 }, (_, i) => i + 1))
    expect(all[0]?.id).toBe('late')
  })
})

const lock = `select pg_advisory_xact_lock(4207849484)`
const number = `
  insert into changes (seq, entity, entity_id, at)
  select coalesce(max(seq), 0) + 1, 'revocation', 'late', 1 from changes`

const answered = (store: Store) =>
  Promise.resolve()
    .then(() => store.changedElsewhere())
    .then(
      () => true,
      () => false,
    )

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))
