// A backup is whole, verified and never written over something; it is restored only where nothing is, and
// an older one than what is known to have been only on demand.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { commandLine, initialised } from './command.ts'

/** A store with a history, and a folder for its backups. */
async function made() {
  const run = await initialised()
  await run('whoami')
  const folder = temporaryFolder()
  return {
    run,
    folder,
    file: join(folder, 'backup.db'),
    home: (name: string) => join(run.home, name),
  }
}

/** Everything of the database is gone, as after the loss of a disk; what lies outside of it is not. */
const loseDatabase = (home: string) => {
  for (const end of ['', '-wal', '-shm']) rmSync(join(home, `remit.db${end}`), { force: true })
}

const past = (path: string, sql: string) => {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

const first = (path: string, sql: string): unknown => {
  const db = new Database(path, { readonly: true })
  const value = db.prepare(sql).pluck().get()
  db.close()
  return value
}

test('a backup names what it does not hold, the embedded authority too', async () => {
  const { run, folder } = await made()
  const named = async (name: string) =>
    (await run(`backup ${join(folder, name)} --json`)).json['not_included'] as string[]
  expect(await named('before')).not.toContain(join(run.home, 'ca'))
  expect((await run('ca init')).code).toBe(0)
  expect(await named('after')).toContain(join(run.home, 'ca'))
  const { err } = await run(`backup ${join(folder, 'said')}`)
  expect(err).toContain(join(run.home, 'ca'))
})

test('a backup is private, says what it holds and ends where the audit ended', async () => {
  const { run, folder, file } = await made()
  const { code, json } = await run(`backup ${file} --json`)
  expect(code).toBe(0)
  expect(json).toEqual({
    file,
    store_id: expect.stringMatching(/^[0-9a-z]{26}$/),
    bytes: statSync(file).size,
    change_seq: expect.any(Number),
    not_included: ['master.key', 'registration.json', 'credentials', 'checkpoints.jsonl'].map(
      (name) => join(run.home, name),
    ),
    audit: [{ chain: 'main', seq: expect.any(Number), head: expect.stringMatching(/^[\w-]{43}$/) }],
  })
  const [end] = json['audit'] as { seq: number; head: string }[]
  const hash = first(file, `select hash from audit_events where seq = ${end?.seq}`)
  expect(hash).toBe(end?.head)
  expect(first(file, 'select max(seq) from audit_events')).toBe(end?.seq)
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600')
  expect(readdirSync(folder)).toEqual(['backup.db'])
})

test('a backup is remembered in the audit, the backup included', async () => {
  const { run, file } = await made()
  await run(`backup ${file}`)
  const { json } = await run('query-audit --operation backup --json')
  expect(json['events']).toHaveLength(1)
  expect(first(file, `select count(*) from audit_events where operation = 'backup'`)).toBe(1)
})

test.each([
  ['a file', (file: string) => writeFileSync(file, 'mine')],
  ['a folder', (file: string) => void mkdirSync(file)],
])('where %s is, no backup is written', async (_name, make) => {
  const { run, file, folder } = await made()
  make(file)
  const before = statSync(file).mtimeMs
  expect(await run(`backup ${file}`)).toMatchObject({ code: 6, out: '' })
  expect(statSync(file).mtimeMs).toBe(before)
  expect(readdirSync(folder)).toEqual(['backup.db'])
})

test('a store whose audit was cut makes no backup that could be trusted', async () => {
  const { run, file, folder, home } = await made()
  past(home('remit.db'), `update audit_heads set seq = seq - 1`)
  const { code, err } = await run(`backup ${file}`)
  expect(code).toBe(7)
  expect(err).toContain('tampered with')
  expect(readdirSync(folder)).toEqual([])
})

test('what was lost comes back as it was when the backup was made', async () => {
  const { run, file } = await made()
  const minted = (await run('mint-token --scopes demo:read --json')).json
  await run(`backup ${file}`)
  loseDatabase(run.home)
  expect((await run('whoami')).code).not.toBe(0)
  const { code, json, err } = await run(`restore ${file} --json`)
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
  expect(json).toEqual({
    database: join(run.home, 'remit.db'),
    store_id: expect.any(String),
    audit: [{ chain: 'main', seq: expect.any(Number), head: expect.any(String) }],
    checkpoints_compared: 2,
  })
  expect((statSync(join(run.home, 'remit.db')).mode & 0o777).toString(8)).toBe('600')
  expect(readdirSync(run.home).filter((name) => name.startsWith('.'))).toEqual([])
  const asked = await run(`introspect-token --grant-id ${String(minted['grant_id'])} --json`)
  expect(asked.json['active']).toBe(true)
  expect(await run('audit verify')).toMatchObject({ code: 0 })
  expect((await run('query-audit --operation restore --json')).json['events']).toHaveLength(1)
})

test.each([
  ['the store', () => undefined],
  [
    'an empty file in its place',
    (home: string) => {
      loseDatabase(home)
      writeFileSync(join(home, 'remit.db'), '')
    },
  ],
  [
    'a log that would be replayed into it',
    (home: string) => {
      loseDatabase(home)
      writeFileSync(join(home, 'remit.db-wal'), 'x')
    },
  ],
])('where there is %s, nothing is restored', async (_name, make) => {
  const { run, file } = await made()
  await run(`backup ${file}`)
  make(run.home)
  const before = readdirSync(run.home).toSorted()
  const { code, err } = await run(`restore ${file}`)
  expect(code).toBe(6)
  expect(err).toContain('something already')
  expect(readdirSync(run.home).toSorted()).toEqual(before)
})

test.each<[string, number, RegExp, (file: string, home: string) => void]>([
  ['nothing', 5, /no backup at/, (file) => rmSync(file)],
  ['a text', 7, /not a SQLite database/, (file) => writeFileSync(file, 'x'.repeat(5000))],
  [
    'a database of something else',
    7,
    /something else/,
    (file) => {
      rmSync(file)
      past(file, 'create table users (id integer)')
    },
  ],
  [
    'a damaged page',
    7,
    /cannot be restored|cannot be read/,
    (file) => {
      const bytes = readFileSync(file)
      bytes.fill(0xff, 3 * 4096, 12 * 4096)
      writeFileSync(file, bytes)
    },
  ],
  [
    'an edited event',
    7,
    /event 3 is edited/,
    (file) => past(file, `update audit_events set target = 'x' where seq = 3`),
  ],
  ['a cut tail', 7, /is truncated/, (file) => past(file, `delete from audit_events where seq > 5`)],
  ['a log beside it', 2, /-wal file beside it/, (file) => writeFileSync(`${file}-wal`, 'x')],
  [
    'another master key',
    7,
    /A backup opens with the key of its time/,
    (_, home) =>
      writeFileSync(join(home, 'master.key'), `${Buffer.alloc(32, 9).toString('base64')}\n`),
  ],
  ['no master key', 7, /master\.key does not exist/, (_, home) => rmSync(join(home, 'master.key'))],
])('a backup with %s is refused, and nothing is placed', async (_name, code, said, spoil) => {
  const { run, file } = await made()
  await run(`backup ${file}`)
  loseDatabase(run.home)
  spoil(file, run.home)
  const before = readdirSync(run.home).toSorted()
  const ran = await run(`restore ${file}`)
  expect(ran.err).toMatch(said)
  expect(ran.code).toBe(code)
  expect(readdirSync(run.home).toSorted()).toEqual(before)
})

test('a backup older than the newest checkpoint is refused, and says what that would undo', async () => {
  const { run, file } = await made()
  const minted = (await run('mint-token --scopes demo:read --json')).json
  await run(`backup ${file}`)
  await run(`revoke-token --grant-id ${String(minted['grant_id'])} --cause leaked`)
  loseDatabase(run.home)
  const refused = await run(`restore ${file}`)
  expect(refused.code).toBe(6)
  expect(refused.err).toMatch(/older than the newest checkpoint/)
  expect(refused.err).toMatch(/revoked.*would be valid again/)
  expect(refused.err).toContain('--accept-older')
  expect(existsSync(join(run.home, 'remit.db'))).toBe(false)
})

test('an older backup that is accepted leaves the evidence of what was lost', async () => {
  const { run, file } = await made()
  await run(`backup ${file}`)
  await run('whoami')
  const known = readFileSync(join(run.home, 'checkpoints.jsonl'), 'utf8')
  loseDatabase(run.home)
  const { code, json, err } = await run(`restore ${file} --accept-older --json`)
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
  expect(err).toContain('valid again')
  const aside = String(json['set_aside'])
  expect(readFileSync(aside, 'utf8')).toBe(known)
  // The restored store is sound by itself, and shows its loss against what was kept.
  await run('whoami')
  expect(await run('audit verify')).toMatchObject({ code: 0 })
  const against = await run(`audit verify --checkpoints ${aside} --json`)
  expect(against.code).toBe(1)
  const events = (await run('query-audit --operation restore --json')).json['events']
  expect(events).toMatchObject([{ detail: { accepted_older: true } }])
})

test('a backup of another history than the checkpoints is refused even where older ones are accepted', async () => {
  const { run, file } = await made()
  copyFileSync(join(run.home, 'remit.db'), join(run.home, 'fork'))
  await run('whoami')
  await run('whoami')
  await run(`backup ${file}`)
  // The same store, gone another way since.
  const other = commandLine(join(temporaryFolder(), 'home'))
  expect((await other(`restore ${file}`)).code).not.toBe(0)
  mkdirSync(other.home, { recursive: true, mode: 0o700 })
  for (const name of ['master.key', 'registration.json']) {
    copyFileSync(join(run.home, name), join(other.home, name))
  }
  renameSync(join(run.home, 'fork'), join(other.home, 'remit.db'))
  for (let i = 0; i < 3; i++) await other('whoami')
  appendFileSync(
    join(other.home, 'checkpoints.jsonl'),
    readFileSync(join(run.home, 'checkpoints.jsonl')),
  )
  loseDatabase(other.home)
  const { code, err } = await other(`restore ${file} --accept-older`)
  expect(err).toContain('another history')
  expect(code).toBe(6)
})
