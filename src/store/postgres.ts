// The engine for more than one machine. One connection commits, batch after batch; a pool reads; a third
// connection hears of changes. While that one is known to be broken, the database itself is asked.

import pg from 'pg'
import { newestChange } from './facts.ts'
import { createBatchWriter } from './postgres-batch.ts'
import type { BatchOptions } from './postgres-batch.ts'
import { createFeed } from './postgres-feed.ts'
import { asProblem, settingsFor, statementNames } from './postgres-settings.ts'
import type { StatementNames } from './postgres-settings.ts'
import type { Read, Row, Seal, Store } from './store.ts'

export interface PostgresOptions extends BatchOptions {
  /** Called with the query of a row whose MAC is wrong; such a row is left out. */
  readonly onDamage: (sql: string) => void
  /** Ask the database at every call instead of trusting notifications. */
  readonly strict: boolean
}

const poolSize = 8

/** Reads by a pool, or by one connection. */
export const readerOf =
  (
    by: pg.Pool | pg.Client,
    names: StatementNames,
    seal: Seal,
    onDamage: PostgresOptions['onDamage'],
  ) =>
  async <T>({ sql, values, map, damaged }: Read<T>): Promise<T[]> => {
    try {
      const { rows } = await by.query<Row>(names.of(sql, values))
      return rows.flatMap((row) => {
        const record = map(row, seal)
        if (record !== undefined) return [record]
        onDamage(sql)
        return damaged === undefined ? [] : [damaged(row)]
      })
    } catch (error) {
      throw asProblem(error)
    }
  }

/** Opens the store behind a URL whose schema is current. */
export async function postgresStore(options: PostgresOptions): Promise<Store> {
  const { url, seal, onDamage, strict } = options
  const pool = new pg.Pool({ ...settingsFor(url), max: poolSize })
  // A connection that breaks while idle is replaced at its next use.
  pool.on('error', () => undefined)
  const names = statementNames()

  const read = readerOf(pool, names, seal, onDamage)
  const newest = async (): Promise<number> => (await read(newestChange))[0] ?? 0
  const feed = await createFeed(settingsFor(url), options.chain, newest).catch(
    async (error: unknown) => {
      await pool.end()
      throw asProblem(error)
    },
  )
  const writer = createBatchWriter(options, names, feed.committed)
  return {
    engine: 'postgres',
    read,
    commit: writer.commit,
    changedElsewhere: () => (strict || !feed.isHealthy() ? feed.ask() : feed.takeNews()),
    close: async () => {
      await feed.close()
      await writer.close()
      await pool.end()
    },
  }
}
