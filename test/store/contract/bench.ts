// What the contract works with: a database of its own for each test, opened as often as processes would,
// and a note of every query and write that was run on it.

import { expect, onTestFinished } from 'vitest'
import { auditHash } from '../../../src/authority/audit-verification.ts'
import type { UnlinkedEvent } from '../../../src/core/audit-link.ts'
import { deriveKeys } from '../../../src/crypto/keyed-hash.ts'
import type { InitOptions } from '../../../src/store/open.ts'
import type { Read, Row, Soon, Store, UnitResult, Value, Write } from '../../../src/store/store.ts'

/** Opens one database, once more at every call. */
export type Open = (options: InitOptions) => Soon<Store>
/** Makes an empty database with the schema. */
export type NewDatabase = () => Soon<Open>

export type Bench = Awaited<ReturnType<typeof bench>>

export const keys = deriveKeys(Buffer.alloc(32, 1))

/** The text of every query and write that was run, to find those that never were. */
export const exercised = new Set<string>()

let made = 0

export const event = (traits: Partial<UnlinkedEvent> = {}): UnlinkedEvent => {
  made += 1
  return {
    id: `evt_${String(made).padStart(6, '0')}`,
    at: 1,
    orgId: 'org_1',
    operation: 'whoami',
    outcome: 'allowed',
    code: 'allowed',
    lineage: [],
    detail: '{}',
    count: 1,
    serverId: 'srv_1',
    ...traits,
  }
}

export async function bench(database: NewDatabase) {
  const open = await database()
  const damaged: string[] = []
  const stores: Store[] = []
  onTestFinished(async () => {
    for (const store of stores) await store.close()
  })

  /** One more process on the same database. */
  async function again(): Promise<Store> {
    const store = await open({
      keys: () => keys,
      hashOf: auditHash,
      onDamage: (sql) => void damaged.push(sql),
    })
    stores.push(store)
    return store
  }

  const store = await again()

  async function read<T>(query: Read<T>, from: Store = store): Promise<readonly T[]> {
    exercised.add(query.sql)
    return from.read(query)
  }

  async function unit(writes: readonly Write[], events = [event()]): Promise<UnitResult> {
    for (const { sql } of writes) exercised.add(sql)
    const [result] = await store.commit([{ writes, events }], 1)
    if (result === undefined) throw new Error('No answer.')
    return result
  }

  /** Must hold; answers the newest change. */
  async function commit(...writes: readonly Write[]): Promise<number> {
    const result = await unit(writes)
    if (result.ok) return result.seq
    throw result.stale ? new Error('It was stale.') : result.error
  }

  const expectStale = async (...writes: readonly Write[]): Promise<void> =>
    expect(await unit(writes)).toEqual({ ok: false, stale: true })

  await commit()
  return {
    store,
    again,
    read,
    unit,
    commit,
    expectStale,
    /** Queries that met a row whose MAC is wrong. */
    damaged,
    rows: (sql: string, values: readonly Value[] = []) => read(raw(sql, values)),
    /** Writes past every rule. */
    tamper: (sql: string, values: readonly Value[] = []) => commit({ sql, values: () => values }),
  }
}

const raw = (sql: string, values: readonly Value[]): Read<Row> => ({
  sql,
  values,
  map: (row) => row,
})
