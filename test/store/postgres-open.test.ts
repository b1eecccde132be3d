// What is behind a URL is judged before anything is written to it, and left as it was where it is not ours.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { migrateStore as migrateConfigured } from '../../src/app.ts'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { unlockBy } from '../../src/authority/unlock.ts'
import { readConfig } from '../../src/config.ts'
import { sealDataKey } from '../../src/crypto/data-key.ts'
import { judgeStore, migrateStore, openForInit, openStore } from '../../src/store/engine.ts'
import type { Place } from '../../src/store/engine.ts'
import { insertFact } from '../../src/store/facts.ts'
import { migrations } from '../../src/store/migrate.ts'
import { migratePostgres } from '../../src/store/postgres-open.ts'
import { dropDatabase, newDatabase } from '../support/database.ts'
import { clientOf, testKeys } from '../support/postgres-store.ts'
import { temporaryFolder } from '../support/temporary.ts'

const options = { keys: () => testKeys, hashOf: auditHash, onDamage: () => undefined }

const at = (url: string): Place => ({
  engine: 'postgres',
  url: () => url,
  chain: `chain-${randomBytes(4).toString('hex')}`,
  strict: false,
})

/** A database with nothing in it, or a copy of the template that has the schema. */
function database(of?: string): string {
  const name = `open_${randomBytes(8).toString('hex')}`
  const url = newDatabase(name, of)
  onTestFinished(() => {
    dropDatabase(name)
  })
  return url
}

const empty = () => database('template1')

async function storeAt(url: string): Promise<void> {
  const store = await openForInit(at(url), options)
  const all = {
    format: 'remit',
    store_id: 's',
    issuer: 'urn:remit:s',
    data_key: sealDataKey(Buffer.alloc(32, 1), Buffer.alloc(32, 3), 's'),
  }
  const writes = Object.entries(all).map(([name, value]) => insertFact(name, value))
  await store.commit([{ writes, events: [] }], 1)
  await store.close()
}

/** All that is in a database: relations, functions, and how often rows were written. */
async function contentOf(url: string): Promise<unknown> {
  const client = await clientOf(url)
  const { rows } = await client.query(`
    select c.relname as name, c.relfilenode as file, pg_relation_size(c.oid) as size
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public'
    union all
    select p.proname, p.oid, 0
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public'
    order by 1, 2`)
  return rows
}

async function run(url: string, sql: string): Promise<void> {
  const client = await clientOf(url)
  await client.query(sql)
}

const opening = {
  opened: (url: string) => Promise.resolve(openStore(at(url), options)),
  migrated: (url: string) => migrateStore(at(url)),
  made: (url: string) => Promise.resolve(openForInit(at(url), options)),
}

test.each(['opened', 'migrated', 'made'] as const)(
  'a database of something else is not %s, and stays as it is',
  async (how) => {
    const url = empty()
    await run(url, `create table users (id integer primary key); insert into users values (1)`)
    const before = await contentOf(url)
    await expect(opening[how](url)).rejects.toMatchObject({ kind: 'foreign' })
    expect(await contentOf(url)).toEqual(before)
  },
)

test.each(['opened', 'migrated', 'made'] as const)(
  'a store of a newer version is not %s, and stays as it is',
  async (how) => {
    const url = database()
    await storeAt(url)
    await run(url, `insert into remit_migrations values (999, '999_later.sql', 1)`)
    const before = await contentOf(url)
    await expect(opening[how](url)).rejects.toMatchObject({ kind: 'newer' })
    expect(await contentOf(url)).toEqual(before)
  },
)

test('an empty database is no store, and stays empty', async () => {
  const url = empty()
  await expect(opening.opened(url)).rejects.toMatchObject({ kind: 'empty' })
  expect(await contentOf(url)).toEqual([])
  expect(await judgeStore(at(url))).toEqual({ state: 'empty' })
})

test('a schema without a store is no store, and a store is not made twice', async () => {
  const url = database()
  await expect(opening.opened(url)).rejects.toMatchObject({ kind: 'empty' })
  await storeAt(url)
  await expect(opening.made(url)).rejects.toMatchObject({ kind: 'exists' })
})

test('under the wrong master key a store is refused before anything is written', async () => {
  const url = database()
  await storeAt(url)
  const before = await contentOf(url)
  const keys = unlockBy({
    masterKey: () => Buffer.alloc(32, 2).toString('base64'),
    home: '/nowhere',
  })
  await expect(Promise.resolve(openStore(at(url), { ...options, keys }))).rejects.toMatchObject({
    kind: 'wrong_master_key',
  })
  expect(await contentOf(url)).toEqual(before)
})

test('processes that migrate at once do it once', async () => {
  const url = empty()
  const done = await Promise.all(Array.from({ length: 6 }, () => migratePostgres(url)))
  expect(done.filter(({ from }) => from === 0)).toHaveLength(1)
  expect(new Set(done.map(({ to }) => to)).size).toBe(1)
})

test('a migration that breaks leaves nothing of itself, and is done when it is whole', async () => {
  const url = empty()
  const step = (sql: string) => [{ number: 1, name: '001_x.sql', sql }]
  const broken = step('create table a (id bigint); create table a (id bigint)')
  await expect(migratePostgres(url, broken)).rejects.toMatchObject({ kind: 'failed' })
  const whole = step('create table a (id bigint); create table b (id bigint)')
  expect(await migratePostgres(url, whole)).toEqual({ from: 0, to: 1 })
})

test('a server that is not there is said to be away', async () => {
  const url = new URL(inject('postgresUrl'))
  url.port = '1'
  await expect(opening.opened(url.href)).rejects.toMatchObject({
    kind: 'failed',
    message: expect.not.stringContaining('for-tests'),
  })
})

test('the schema is made from a machine that has no home, and makes none there', async () => {
  const config = readConfig({
    REMIT_HOME: join(temporaryFolder(), 'home'),
    REMIT_DATABASE_URL: empty(),
  })
  const to = migrations().at(-1)?.number
  expect(await migrateConfigured(config)).toEqual({ from: 0, to })
  expect(existsSync(config.home)).toBe(false)
})
