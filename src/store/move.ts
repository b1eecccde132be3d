// A store moves from a file to PostgreSQL: every row of every table, byte for byte, in one transaction that
// is proven before it is committed. Whatever ends it half way leaves an empty target and the file as it
// was. Nobody else may have the file open, or what they wrote meanwhile would be lost.

import { rmSync } from 'node:fs'
import type pg from 'pg'
import { chainStart, linkText } from '../core/audit-link.ts'
import type { UnlinkedEvent } from '../core/audit-link.ts'
import { Refusal } from '../core/refusal.ts'
import { eventValues, insertEventSql, putHead } from './audit.ts'
import { copiedTables, copyRows, firstFilled } from './copy-rows.ts'
import { Database } from './driver.ts'
import { migrations } from './migrate.ts'
import { engineOf, judgeFile, noStore, sealBy } from './open.ts'
import type { OpenedStore, OpenOptions } from './open.ts'
import { readerOf } from './postgres.ts'
import { judgePostgres, migratePostgres, withClient } from './postgres-open.ts'
import { statementNames } from './postgres-settings.ts'
import { StoreProblem } from './problem.ts'
import { asProblem } from './sqlite.ts'
import type { Store } from './store.ts'

export interface Moving {
  /** Both for reading alone, and only until they are proven. */
  readonly source: OpenedStore
  readonly target: OpenedStore
  /** How many rows went into each table. */
  readonly rows: Readonly<Record<string, number>>
}

export interface MoveOptions<T> extends OpenOptions {
  readonly path: string
  readonly url: string
  /** The event of the move, which begins a chain of its own in the target. */
  readonly event: (source: OpenedStore) => Promise<UnlinkedEvent>
  readonly chain: string
  /** Throws where the target is not what the source is; then nothing of it is kept. */
  readonly prove: (moving: Moving) => Promise<T>
}

/** Refuses a target that holds anything, and a source that is not whole, in use, or of another version. */
export async function moveStore<T>(options: MoveOptions<T>): Promise<T> {
  const { path, url } = options
  const found = judgeFile(path)
  if (found.state !== 'store') throw noStore(path, found.state)
  const newest = migrations().at(-1)?.number ?? 0
  if (found.schemaVersion < newest) throw older(path, found.schemaVersion)
  const keys = options.keys(found)
  const facts = { storeId: found.storeId, issuer: found.issuer }
  const opened = (store: Store): OpenedStore => ({ store, facts, keys, schemaVersion: newest })
  const db = openAlone(path)
  try {
    if ((await judgePostgres(url)).state === 'store') throw notEmpty('a store')
    await migratePostgres(url)
    return await withClient(url, async (client) => {
      await client.query('begin')
      await client.query('lock table store_facts in access exclusive mode')
      const tables = await copiedTables(db, client)
      const held = await firstFilled(client, tables)
      if (held !== undefined) throw notEmpty(`rows in ${held}`)
      const rows: Record<string, number> = {}
      for (const table of tables) rows[table.name] = await copyRows(db, client, table)
      const source = opened(engineOf(db, keys, options))
      await begin(client, await options.event(source), { ...options, found: source })
      const read = readerOf(client, statementNames(), sealBy(keys), options.onDamage)
      const proof = await options.prove({ source, target: opened(onlyRead(read)), rows })
      await client.query('commit')
      return proof
    })
  } catch (error) {
    throw asProblem(error)
  } finally {
    // Held alone, the file needs no index; one that was left would look like that of a log taken away.
    rmSync(`${path}-shm`, { force: true })
    db.close()
  }
}

/** Holds the file so that no other process can even have it open. */
function openAlone(path: string): Database {
  const db = new Database(path, { fileMustExist: true, timeout: 0 })
  try {
    db.pragma('locking_mode = exclusive')
    db.exec('begin exclusive')
    return db
  } catch (error) {
    db.close()
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw asProblem(error)
    throw new Refusal('conflict', {
      message: `${path} is in use; nothing was changed.`,
      remedy: {
        text: 'Stop every server on it, so that nothing they write is lost, then move it.',
      },
    })
  }
}

async function begin(
  client: pg.Client,
  event: UnlinkedEvent,
  {
    chain,
    hashOf,
    found: { keys },
  }: Pick<MoveOptions<never>, 'chain' | 'hashOf'> & { found: OpenedStore },
): Promise<void> {
  const linked = { ...event, chain, seq: 1, previous: chainStart }
  const hash = hashOf(keys)(linkText(linked))
  await client.query(insertEventSql, [...eventValues({ ...linked, hash })])
  const head = putHead({ chain, seq: 1, hash, at: event.at })
  const point = { seq: 0, at: event.at, seal: sealBy(keys) }
  await client.query(head.sql, [...head.values(point)])
}

const onlyRead = (read: Store['read']): Store => ({
  engine: 'postgres',
  read,
  commit: () => {
    throw new Error('A store that is being moved takes no commits.')
  },
  changedElsewhere: () => false,
  close: () => undefined,
})

const notEmpty = (what: string): StoreProblem =>
  new StoreProblem(
    'exists',
    `The target is not empty: it holds ${what}. Nothing was changed: name a database of its own.`,
  )

const older = (path: string, version: number): StoreProblem =>
  new StoreProblem(
    'failed',
    `${path} has an older schema (${version}). Nothing was changed: run \`remit migrate\` on it first.`,
  )
