// A disk that is full, and one that fails, as SQLite meets them: what is acknowledged is there, what is
// refused left nothing, and after a failure nothing is acknowledged any more.

import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { facts, insertFact } from '../../src/store/facts.ts'
import { migrate } from '../../src/store/migrate.ts'
import type { Reserve } from '../../src/store/reserve.ts'
import { openDatabase, sqliteStore } from '../../src/store/sqlite.ts'
import type { ReservedFor, Store, Unit } from '../../src/store/store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { event } from './contract/bench.ts'

const large = 'x'.repeat(20_000)
const unit = (name: string, reserved?: ReservedFor): Unit => ({
  writes: [insertFact(name, large)],
  events: [event()],
  ...(reserved !== undefined && { reserved }),
})

const names = async (store: Store) => (await store.read(facts)).map(({ name }) => name).toSorted()

function storeOn(db: Database, reserve?: Reserve) {
  const failures: Error[] = []
  migrate(db)
  const store = sqliteStore(db, {
    seal: () => 'mac',
    hash: () => 'hash',
    onDamage: () => undefined,
    onFailure: (problem) => void failures.push(problem),
    ...(reserve !== undefined && { reserve }),
  })
  onTestFinished(() => store.close())
  return { store, failures }
}

const newFile = () => openDatabase(join(temporaryFolder(), 'remit.db'))

describe('a full disk', () => {
  const pages = (db: Database, limit: number) => db.pragma(`max_page_count = ${limit}`)

  /** A file that cannot grow, beside so many steps of ten pages; the last is for revocations alone. */
  function full(steps: number) {
    const db = newFile()
    let left = steps
    let limit = 0
    const reserve: Reserve = {
      refill: () => left === steps,
      release: (use) => {
        if (left <= (use === 'checks' ? 1 : 0)) return false
        left -= 1
        limit += 10
        pages(db, limit)
        return true
      },
    }
    const made = storeOn(db, reserve)
    return {
      ...made,
      left: () => left,
      fill: () => {
        limit = Number(db.pragma('page_count', { simple: true }))
        pages(db, limit)
      },
      makeRoom: () => {
        pages(db, 1_000_000)
        left = steps
      },
    }
  }

  const outcomes = async (store: Store, ...units: readonly Unit[]) =>
    (await store.commit(units, 1)).map((result) =>
      result.ok ? 'ok' : result.stale ? 'stale' : (result.error as { code?: string }).code,
    )

  test('refuses what is not urgent with one clear error, and takes what is from its reserve', async () => {
    const { store, fill, left } = full(5)
    expect(await outcomes(store, unit('before'))).toEqual(['ok'])
    fill()
    const [refused] = await store.commit([unit('mint')], 1)
    expect(refused).toMatchObject({
      ok: false,
      stale: false,
      error: {
        code: 'unavailable',
        message: 'The disk of the store is full; nothing was changed.',
        detail: { remedy: { text: expect.stringContaining('make room') } },
      },
    })
    expect(left()).toBe(5)
    const batch = [unit('a', 'checks'), unit('b'), unit('c', 'revocations')]
    expect(await outcomes(store, ...batch)).toEqual(['ok', 'unavailable', 'ok'])
    expect(left()).toBeLessThan(5)
    expect(await names(store)).toEqual(['a', 'before', 'c'])
  })

  test('lets nobody who may wait into what was given away', async () => {
    const { store, fill } = full(5)
    fill()
    expect(await outcomes(store, unit('a', 'revocations'))).toEqual(['ok'])
    const small = { writes: [insertFact('small', '')], events: [event()] }
    expect(await outcomes(store, small)).toEqual(['unavailable'])
  })

  test('keeps the last of its reserve for revocations, also from checks in one batch with them', async () => {
    const { store, fill, left } = full(4)
    fill()
    let n = 0
    while ((await outcomes(store, unit(`check ${n}`, 'checks')))[0] === 'ok') n += 1
    expect(n).toBeGreaterThan(0)
    expect(left()).toBe(1)
    const batch = [unit('check', 'checks'), unit('revoke', 'revocations')]
    expect(await outcomes(store, ...batch)).toEqual(['unavailable', 'ok'])
    while ((await outcomes(store, unit(`revoke ${n}`, 'revocations')))[0] === 'ok') n += 1
    expect(left()).toBe(0)
  })

  test('is written to again by itself once there is room', async () => {
    const { store, fill, makeRoom } = full(3)
    fill()
    expect(await outcomes(store, unit('a'), unit('b', 'checks'))).toEqual(['unavailable', 'ok'])
    makeRoom()
    expect(await outcomes(store, unit('a'), unit('c', 'checks'))).toEqual(['ok', 'ok'])
    expect(await names(store)).toEqual(['a', 'b', 'c'])
  })

  test('without a reserve refuses all that is written, and still reads', async () => {
    const db = newFile()
    const { store } = storeOn(db)
    expect(await outcomes(store, unit('before'))).toEqual(['ok'])
    pages(db, Number(db.pragma('page_count', { simple: true })))
    expect(await outcomes(store, unit('a', 'revocations'))).toEqual(['unavailable'])
    expect(await names(store)).toEqual(['before'])
    pages(db, 1_000_000)
    expect(await outcomes(store, unit('a'))).toEqual(['ok'])
  })
})

describe('a disk that fails', () => {
  /** A database whose next commit ends with a code of the engine, as it would on such a disk. */
  function failing() {
    const db = newFile()
    let code: string | undefined
    const prepare = (sql: string) => {
      const statement = db.prepare(sql)
      const commit = () => {
        if (code === undefined) return statement.run()
        throw new Database.SqliteError('disk I/O error', code)
      }
      return sql === 'commit' ? { reader: false, run: commit } : statement
    }
    const faulty = new Proxy(db, {
      get(target, key) {
        const value: unknown = key === 'prepare' ? prepare : Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return {
      ...storeOn(faulty),
      db,
      failWith: (next: string | undefined) => {
        code = next
      },
    }
  }

  test.each(['SQLITE_IOERR_WRITE', 'SQLITE_IOERR_FSYNC', 'SQLITE_IOERR'])(
    'with %s under a commit is believed no more',
    async (code) => {
      const { store, failures, failWith, db } = failing()
      await store.commit([unit('before')], 1)
      failWith(code)
      const unknown = expect.objectContaining({
        code: 'unavailable',
        message: expect.stringContaining('it may have happened or not'),
      })
      expect(() => store.commit([unit('a', 'revocations')], 1)).toThrow(unknown)
      failWith(undefined)
      expect(() => store.commit([unit('b')], 1)).toThrow(unknown)
      expect(() => store.changedElsewhere()).toThrow(unknown)
      expect(failures).toEqual([unknown])
      expect(db.inTransaction).toBe(false)
      expect(db.prepare('select name from store_facts').pluck().all()).toEqual(['before'])
    },
  )

  test.each(['SQLITE_IOERR_READ', 'SQLITE_BUSY', 'SQLITE_CORRUPT'])(
    'with %s took nothing, and may be asked again',
    async (code) => {
      const { store, failures, failWith } = failing()
      failWith(code)
      expect(() => store.commit([unit('a')], 1)).toThrow(`The database answered ${code}`)
      failWith(undefined)
      await store.commit([unit('a')], 1)
      expect(failures).toEqual([])
      expect(await names(store)).toEqual(['a'])
    },
  )
})
