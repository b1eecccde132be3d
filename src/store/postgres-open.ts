// What is behind a URL: judged before anything is written, and migrated under a lock. What is foreign or
// newer is refused as it lies.

import pg from 'pg'
import { migrations } from './migrate.ts'
import type { Migration } from './migrate.ts'
import { asProblem, settingsFor } from './postgres-settings.ts'
import { StoreProblem } from './problem.ts'

export type PostgresJudged =
  | { readonly state: 'empty' | 'schema' }
  | {
      readonly state: 'store'
      readonly schemaVersion: number
      readonly facts: ReadonlyMap<string, string>
    }

/** What is behind the URL, found out without writing. Throws where it is foreign, newer or away. */
export const judgePostgres = (url: string): Promise<PostgresJudged> =>
  withClient(url, async (client) => {
    const tables = await column(
      client,
      `select table_name from information_schema.tables where table_schema = current_schema()`,
    )
    if (tables.length === 0) return { state: 'empty' }
    if (!tables.includes('remit_migrations')) {
      throw new StoreProblem(
        'foreign',
        'This database belongs to something else; nothing was changed.',
      )
    }
    const schemaVersion = await versionOf(client)
    if (schemaVersion > (migrations().at(-1)?.number ?? 0)) {
      throw new StoreProblem(
        'newer',
        `This store was written by a newer version of Remit (schema ${schemaVersion}); nothing was changed.`,
      )
    }
    if (!tables.includes('store_facts')) return { state: 'schema' }
    const { rows } = await client.query<{ name: string; value: string }>(
      `select name, value from store_facts`,
    )
    const facts = new Map(rows.map(({ name, value }) => [name, value]))
    return facts.get('format') === 'remit'
      ? { state: 'store', schemaVersion, facts }
      : { state: 'schema' }
  })

/** Brings the schema up to date; processes that start at once do it once. Returns the versions. */
export const migratePostgres = (
  url: string,
  steps: readonly Migration[] = migrations(),
): Promise<{ readonly from: number; readonly to: number }> =>
  withClient(url, async (client) => {
    await client.query(`select pg_advisory_lock(${migrationLock})`)
    await client.query(prelude)
    const from = await versionOf(client)
    for (const step of steps) await apply(client, step)
    return { from, to: await versionOf(client) }
  })

const migrationLock = 4_207_849_485

/** The one table that counts migrations, and the list function that SQLite has by itself. */
const prelude = `
  create table if not exists remit_migrations (
    number bigint primary key,
    name text not null,
    applied_at bigint not null
  );
  create or replace function json_each(document text) returns table (key text, value text)
    language sql immutable
    as $$ select e.key, e.value from json_each_text(cast(document as json)) as e $$`

async function apply(client: pg.Client, { number, name, sql }: Migration): Promise<void> {
  await client.query('begin')
  try {
    const claim = await client.query(
      `insert into remit_migrations (number, name, applied_at) values ($1, $2, $3)
       on conflict (number) do nothing`,
      [number, name, Math.floor(Date.now() / 1000)],
    )
    if (claim.rowCount === 1) await client.query(sql)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

const versionOf = async (client: pg.Client): Promise<number> =>
  Number(
    (await column(client, `select coalesce(max(number), 0) as v from remit_migrations`))[0] ?? 0,
  )

async function column(client: pg.Client, sql: string): Promise<unknown[]> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
  return rows.map(([value]) => value)
}

/** One connection for as long as it is used. */
export async function withClient<T>(
  url: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(settingsFor(url))
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    throw asProblem(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
