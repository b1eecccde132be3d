// The embedded engine keeps the contract, and what is its own: durability, one file, one clock.

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { revocationKey } from '../../src/core/revocation.ts'
import { allAgents } from '../../src/store/agents.ts'
import { Database } from '../../src/store/driver.ts'
import { facts, insertFact } from '../../src/store/facts.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { openForInit } from '../../src/store/open.ts'
import { insertRevocation } from '../../src/store/revocations.ts'
import { openDatabase } from '../../src/store/sqlite.ts'
import { grant, revocation } from '../support/state.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { runContract } from './contract.ts'
import { bench, event } from './contract/bench.ts'

const path = () => join(temporaryFolder(), 'remit.db')

const fresh = () => {
  const at = path()
  return (options: Parameters<typeof openForInit>[1]) => openForInit(at, options)
}

runContract('sqlite', fresh)

describe('sqlite itself', () => {
  test('answers at once', async () => {
    const { store } = await bench(fresh)
    expect(store.read(facts)).not.toBeInstanceOf(Promise)
    expect(store.commit([], 1)).not.toBeInstanceOf(Promise)
    expect(store.changedElsewhere()).not.toBeInstanceOf(Promise)
  })

  test('runs with wal and synchronous=full, in a file of its owner alone', () => {
    const db = openDatabase(path())
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    db.close()
  })

  test('commits nothing of a batch in which the engine failed', async () => {
    const b = await bench(fresh)
    const good = { writes: [insertFact('a', '1')], events: [event()] }
    const broken = {
      writes: [{ sql: `insert into nowhere values (1)`, values: () => [] }],
      events: [],
    }
    expect(() => b.store.commit([good, broken], 1)).toThrow(
      expect.objectContaining({ name: 'StoreProblem', kind: 'failed' }),
    )
    expect(await b.read(facts)).toEqual([])
    await b.commit(insertFact('a', '1'))
  })

  test('in one batch a grant after the restriction is stale, one before it is not', async () => {
    const { seq: _, ...rest } = revocation({ target: 'grt_0' })
    const units = [
      insertRevocation(rest),
      insertGrant({ grant: grant(), guard: [revocationKey('grant', 'grt_0')] }),
    ].map((write) => ({ writes: [write], events: [event()] }))
    const after = await bench(fresh)
    expect(await after.store.commit(units, 1)).toEqual([
      { ok: true, seq: 1 },
      { ok: false, stale: true },
    ])
    const before = await bench(fresh)
    const results = await before.store.commit(units.toReversed(), 1)
    expect(results.map((result) => result.ok)).toEqual([true, true])
  })

  test('an error of the engine tells its code and nothing of the query', async () => {
    const b = await bench(fresh)
    const query = { sql: `select secret from nowhere`, values: [], map: () => 1 }
    expect(() => b.store.read(query)).toThrow('The database answered SQLITE_ERROR')
  })

  test('takes nothing while the clock is more than a minute behind', async () => {
    const b = await bench(fresh)
    const commit = (at: number) => b.store.commit([{ writes: [], events: [event({ at })] }], at)
    await commit(1000)
    await commit(940)
    expect(() => commit(939)).toThrow(expect.objectContaining({ code: 'unavailable' }))
    await commit(1000)
  })

  test('takes nothing onto a chain whose end was tampered with or removed', async () => {
    for (const sql of [`update audit_heads set seq = 0`, `delete from audit_heads`]) {
      const at = path()
      const b = await bench(() => (options) => openForInit(at, options))
      const db = new Database(at)
      db.exec(sql)
      db.close()
      expect(() => b.store.commit([{ writes: [], events: [event()] }], 1)).toThrow(
        expect.objectContaining({ code: 'unavailable' }),
      )
    }
  })

  test('waits for another process rather than failing', async () => {
    const b = await bench(fresh)
    const other = await b.again()
    for (let i = 0; i < 20; i++) {
      const at = { writes: [insertFact(`${i}`, '')], events: [event()] }
      await (i % 2 === 0 ? b.store : other).commit([at], 1)
    }
    expect(await b.read(facts)).toHaveLength(20)
    expect(await b.read(allAgents)).toEqual([])
  })
})
