// A database is brought up to date once, by whichever process comes first, and wholly or not at all.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { deriveKeys } from '../../src/crypto/keyed-hash.ts'
import { Database } from '../../src/store/driver.ts'
import { migrate, migrations, schemaVersion } from '../../src/store/migrate.ts'
import { migrateFile, openForInit } from '../../src/store/open.ts'
import type { StoreProblem } from '../../src/store/problem.ts'
import { openDatabase } from '../../src/store/sqlite.ts'
import { temporaryFolder } from '../support/temporary.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const newest = migrations().at(-1)?.number ?? 0
const options = {
  keys: () => deriveKeys(Buffer.alloc(32, 1)),
  hashOf: auditHash,
  onDamage: () => undefined,
}

const tablesOf = (db: Database): string[] =>
  db
    .prepare(`select name from sqlite_schema where type = 'table' order by name`)
    .pluck()
    .all() as string[]

describe('the files of db/', () => {
  test('are numbered from 1, each once, and say why they exist', () => {
    const found = migrations()
    expect(found[0]?.number).toBe(1)
    expect(new Set(found.map(({ number }) => number)).size).toBe(found.length)
    for (const { name, sql } of found) {
      expect({ name, why: /^-- Why: \S/.test(sql) }).toEqual({ name, why: true })
    }
    const files = readdirSync(join(root, 'db'))
    expect(found.map(({ name }) => name)).toEqual(files.toSorted())
  })
})

describe('migrating', () => {
  test('applies what is missing, once', () => {
    const db = openDatabase(join(temporaryFolder(), 'remit.db'))
    migrate(db)
    expect(schemaVersion(db)).toBe(newest)
    const tables = tablesOf(db)
    migrate(db)
    expect(tablesOf(db)).toEqual(tables)
    expect(db.prepare(`select count(*) from remit_migrations`).pluck().get()).toBe(
      migrations().length,
    )
    db.close()
  })

  test('leaves nothing of a step that fails, and takes it again once it is right', () => {
    const db = openDatabase(join(temporaryFolder(), 'remit.db'))
    const step = (sql: string) => ({ number: newest + 1, name: 'next.sql', sql })
    const bad = step(`create table half (a text); create table half (a text);`)
    expect(() => migrate(db, [...migrations(), bad])).toThrow(
      expect.objectContaining({ name: 'StoreProblem', kind: 'failed' }),
    )
    expect(schemaVersion(db)).toBe(newest)
    expect(tablesOf(db)).not.toContain('half')
    migrate(db, [...migrations(), step(`create table half (a text);`)])
    expect(schemaVersion(db)).toBe(newest + 1)
    expect(tablesOf(db)).toContain('half')
    db.close()
  })

  test('lists of predecessors are kept under their new name, for the MAC that covers them', () => {
    const db = openDatabase(join(temporaryFolder(), 'remit.db'))
    migrate(
      db,
      migrations().filter(({ number }) => number < 7),
    )
    db.exec(`insert into credentials (id, org_id, agent_id, kind, status, created_at, predecessors,
      version, mac) values ('crd_3', 'o', 'a', 'secret', 'active', 0, 'crd_1 crd_2', 1, 'm')`)
    migrate(db)
    expect(db.prepare(`select origin from credentials`).pluck().all()).toEqual(['crd_1 crd_2'])
    db.close()
  })

  test('tells from where to where', () => {
    const path = join(temporaryFolder(), 'remit.db')
    const db = openDatabase(path)
    migrate(db, [])
    db.close()
    expect(migrateFile(path)).toEqual({ from: 0, to: newest })
    expect(migrateFile(path)).toEqual({ from: newest, to: newest })
  })
})

describe('processes', () => {
  /** Starts so many at once, each when all are ready; answers how each ended. */
  async function run(path: string, count: number, ...how: string[]) {
    const folder = temporaryFolder()
    const go = join(folder, 'go')
    const fixture = fileURLToPath(new URL('migrating.fixture.ts', import.meta.url))
    const children = Array.from({ length: count }, () => {
      const args = ['.scripts/run-ts.mjs', fixture, path, go, ...how]
      return spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
    })
    const said: string[] = []
    for (const child of children) child.stderr.on('data', (data) => void said.push(String(data)))
    const ended = children.map(async (child) => ((await once(child, 'exit')) as [number])[0])
    await expect.poll(() => readdirSync(folder).length, { timeout: 30_000 }).toBe(count)
    writeFileSync(go, '')
    return { codes: await Promise.all(ended), said: said.join('') }
  }

  test('that start at once do it once', { timeout: 60_000 }, async () => {
    const path = join(temporaryFolder(), 'remit.db')
    const { codes, said } = await run(path, 3)
    expect({ codes, said }).toEqual({ codes: [0, 0, 0], said: '' })
    const db = openDatabase(path)
    expect(db.prepare(`select count(*) from remit_migrations`).pluck().get()).toBe(
      migrations().length,
    )
    db.close()
  })

  test('killed half way leave what was there', { timeout: 60_000 }, async () => {
    const path = join(temporaryFolder(), 'remit.db')
    const { codes } = await run(path, 1, 'die')
    expect(codes).not.toEqual([0])
    const db = openDatabase(path)
    expect(schemaVersion(db)).toBe(newest)
    expect(tablesOf(db)).not.toContain('half')
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
    expect(migrateFile(path)).toEqual({ from: newest, to: newest })
  })
})

describe('what is no store of ours is refused as it lies', () => {
  const made = (path: string) => void openForInit(path, options).close()
  const kinds: readonly [string, StoreProblem['kind'], (path: string) => void][] = [
    [
      'a database of something else',
      'foreign',
      (path) => void new Database(path).exec('create table users (id integer)').close(),
    ],
    ['a folder', 'foreign', (path) => void mkdirSync(path)],
    ['a text', 'damaged', (path) => writeFileSync(path, 'not a database, but long enough for one')],
    [
      'a truncated database',
      'damaged',
      (path) => {
        made(path)
        truncateSync(path, 4096)
      },
    ],
    [
      'a database that was written over',
      'damaged',
      (path) => {
        made(path)
        const bytes = readFileSync(path)
        writeFileSync(path, bytes.fill(0xff, 100, 4096))
      },
    ],
  ]
  const ways: readonly [string, (path: string) => unknown][] = [
    ['migrating', migrateFile],
    ['making a store', (path) => openForInit(path, options)],
  ]
  const table = ways.flatMap(([how, way]) => kinds.map((kind) => [how, ...kind, way] as const))

  test.each(table)('%s: %s', (_, __, kind, make, way) => {
    const path = join(temporaryFolder(), 'remit.db')
    make(path)
    const bytes = () => (statSync(path).isFile() ? readFileSync(path, 'base64') : 'folder')
    const before = bytes()
    expect(() => way(path)).toThrow(expect.objectContaining({ name: 'StoreProblem', kind }))
    expect(bytes()).toBe(before)
  })

  test.each([
    ['nothing', 'missing', () => undefined],
    ['an empty file', 'empty', (path: string) => writeFileSync(path, '')],
  ] as const)('migrating: %s', (_, kind, make) => {
    const folder = temporaryFolder()
    const path = join(folder, 'remit.db')
    make(path)
    const before = readdirSync(folder)
    expect(() => migrateFile(path)).toThrow(expect.objectContaining({ kind }))
    expect(readdirSync(folder)).toEqual(before)
  })
})
