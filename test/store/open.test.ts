// What is no store of ours, or not to be opened, is refused and left byte for byte as it was.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { openDataKey, sealDataKey } from '../../src/crypto/data-key.ts'
import { deriveKeys } from '../../src/crypto/keyed-hash.ts'
import { Database } from '../../src/store/driver.ts'
import { insertFact } from '../../src/store/facts.ts'
import { migrations } from '../../src/store/migrate.ts'
import { judgeFile, migrateFile, openForInit, openStore } from '../../src/store/open.ts'
import type { SealedKey } from '../../src/store/open.ts'
import { StoreProblem } from '../../src/store/problem.ts'
import { temporaryFolder } from '../support/temporary.ts'

const masterKey = Buffer.alloc(32, 1)
const dataKey = Buffer.alloc(32, 3)
const keys = deriveKeys(dataKey)
const options = { keys: () => keys, hashOf: auditHash, onDamage: () => undefined }
const path = () => join(temporaryFolder(), 'remit.db')

/** A store with its facts and nothing else. */
async function makeStore(facts: Record<string, string> = {}): Promise<string> {
  const at = path()
  const store = openForInit(at, options)
  const all = {
    format: 'remit',
    store_id: 's',
    issuer: 'urn:remit:s',
    data_key: sealDataKey(masterKey, dataKey, 's'),
    ...facts,
  }
  const writes = Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => insertFact(name, value))
  await store.commit([{ writes, events: [] }], 1)
  await store.close()
  return at
}

function problemOf(at: string, open = () => void openStore(at, options)): StoreProblem {
  try {
    open()
  } catch (error) {
    if (error instanceof StoreProblem) return error
    throw error
  }
  throw new Error('It was opened.')
}

test('a store opens and says what it is', async () => {
  const { store, ...rest } = openStore(await makeStore(), options)
  const schemaVersion = migrations().at(-1)?.number
  expect(rest).toEqual({ facts: { storeId: 's', issuer: 'urn:remit:s' }, keys, schemaVersion })
  await store.close()
})

test('where nothing is, nothing is made', () => {
  const at = path()
  expect(problemOf(at)).toMatchObject({
    kind: 'missing',
    message: expect.stringContaining('remit init'),
  })
  expect(readdirSync(join(at, '..'))).toEqual([])
})

const foreign = (at: string, mode: string) => {
  const db = new Database(at)
  db.pragma(`journal_mode = ${mode}`)
  db.exec('create table users (id integer primary key); insert into users values (1)')
  db.close()
}

test.each<[string, StoreProblem['kind'], (at: string) => void | Promise<void>]>([
  ['an empty file', 'empty', (at) => writeFileSync(at, '')],
  [
    'a database without tables',
    'empty',
    (at) => {
      const db = new Database(at)
      db.pragma('user_version = 1')
      db.close()
    },
  ],
  ['a schema without a store', 'empty', (at) => void openForInit(at, options).close()],
  ['a folder', 'foreign', (at) => void mkdirSync(at)],
  ['a database of something else', 'foreign', (at) => foreign(at, 'delete')],
  ['a database of something else, in wal mode', 'foreign', (at) => foreign(at, 'wal')],
  ['a text', 'damaged', (at) => writeFileSync(at, 'not a database, but long enough to be one')],
])('%s is refused as it lies', async (_name, kind, make) => {
  const at = path()
  await make(at)
  const before = contentOf(at)
  const problem = problemOf(at)
  expect(problem.kind).toBe(kind)
  expect(problem.message).toContain(at)
  expect(contentOf(at)).toEqual(before)
})

test('a store of a newer version is not touched', async () => {
  const at = await makeStore()
  const db = new Database(at)
  db.exec(`insert into remit_migrations values (999, '999_later.sql', 1)`)
  db.close()
  const before = contentOf(at)
  expect(problemOf(at)).toMatchObject({ kind: 'newer' })
  expect(problemOf(at, () => void migrateFile(at))).toMatchObject({ kind: 'newer' })
  expect(problemOf(at, () => void openForInit(at, options))).toMatchObject({ kind: 'newer' })
  expect(contentOf(at)).toEqual(before)
})

test('whoever opens a store is given its sealed data key before anything is written to it', async () => {
  const at = await makeStore()
  const before = contentOf(at)
  let given: SealedKey | undefined
  const keyless = {
    ...options,
    keys: (sealed: SealedKey) => {
      given = sealed
      throw new StoreProblem('wrong_master_key', 'It does not fit.')
    },
  }
  expect(problemOf(at, () => void openStore(at, keyless))).toMatchObject({
    kind: 'wrong_master_key',
  })
  expect(openDataKey(masterKey, given?.sealedKey ?? '', given?.storeId ?? '')).toEqual(dataKey)
  expect(contentOf(at)).toEqual(before)
})

test('the key is asked for only once there is a store', () => {
  const keyless = {
    ...options,
    keys: () => {
      throw new Error('no key')
    },
  }
  expect(
    problemOf('/nowhere/remit.db', () => void openStore('/nowhere/remit.db', keyless)).kind,
  ).toBe('missing')
})

test.each(['store_id', 'issuer', 'data_key'])('a store without its %s is damaged', async (name) => {
  expect(problemOf(await makeStore({ [name]: '' }))).toMatchObject({
    kind: 'damaged',
    message: expect.stringContaining(name),
  })
})

test.each([
  ['cut to its first page', (at: string) => truncateSync(at, 4096)],
  [
    'overwritten in the middle',
    (at: string) => {
      const bytes = readFileSync(at)
      bytes.fill(0xff, 100, 4096)
      writeFileSync(at, bytes)
    },
  ],
])('a store that was %s is damaged, and stays as it lies', async (_name, damage) => {
  const at = await makeStore()
  damage(at)
  const before = contentOf(at)
  expect(problemOf(at)).toMatchObject({ kind: 'damaged' })
  expect(contentOf(at)).toEqual(before)
})

test('init refuses a store', async () => {
  const at = await makeStore()
  expect(problemOf(at, () => void openForInit(at, options))).toMatchObject({ kind: 'exists' })
})

test('a store that is open elsewhere is judged by what is committed, not by what is in the file', async () => {
  const at = await makeStore()
  const other = openStore(at, options)
  await other.store.commit([{ writes: [insertFact('later', 'x')], events: [] }], 2)
  expect(judgeFile(at)).toMatchObject({ state: 'store', storeId: 's' })
  await other.store.close()
})

/** The file's own bytes; a folder has none. */
const contentOf = (at: string): string =>
  statSync(at).isFile() ? readFileSync(at, 'base64') : 'folder'
