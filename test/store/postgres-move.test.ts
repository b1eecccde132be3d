// A store moves to PostgreSQL whole, or the target is as empty as before and the file as it was.

import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { commandLine } from '../cli/command.ts'
import { dropDatabase, newDatabase } from '../support/database.ts'
import { clientOf } from '../support/postgres-store.ts'
import { copyFolder, temporaryFolder } from '../support/temporary.ts'

vi.setConfig({ testTimeout: 60_000 })

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A store with a history in a file, made once. */
let template: { home: string; live: string; revoked: string }
beforeAll(async () => {
  const home = mkdtempSync(join(tmpdir(), 'remit-move-'))
  const run = commandLine(home)
  const ran = await run('init')
  if (ran.code !== 0) throw new Error(ran.err)
  const grantOf = async (line: string) => String((await run(line)).json['grant_id'])
  const live = await grantOf('mint-token --scopes demo:read --grant-ttl-seconds 3600 --json')
  const revoked = await grantOf('mint-token --scopes demo:read --uses 3 --json')
  await run(`revoke-token --grant-id ${revoked} --cause leaked`)
  template = { home, live, revoked }
})
afterAll(() => rmSync(template.home, { recursive: true, force: true }))

/** A copy of it, and an empty database. */
async function made() {
  const run = commandLine()
  copyFolder(template.home, run.home)
  const { live, revoked } = template
  const name = `move_${randomBytes(8).toString('hex')}`
  const url = newDatabase(name, 'template1')
  onTestFinished(() => dropDatabase(name))
  const file = join(run.home, 'remit.db')
  const urlFile = join(temporaryFolder(), 'url')
  writeFileSync(urlFile, url, { mode: 0o600 })
  const client = await clientOf(url)
  return {
    run,
    file,
    live,
    revoked,
    client,
    move: (more = `--to-file ${urlFile}`, env?: Record<string, string>) =>
      run(`migrate-store --from ${file} ${more}`, env),
    urlFile,
    there: { REMIT_DATABASE_URL_FILE: urlFile },
    content: () => createHash('sha256').update(readFileSync(file)).digest('hex'),
    /** How many rows all of our tables there have. */
    held: async () => {
      const { rows } = await client.query<{ table_name: string }>(tablesThere)
      let count = 0
      for (const { table_name: table } of rows) {
        count += (await client.query(`select 1 from ${table}`)).rowCount ?? 0
      }
      return count
    },
  }
}

const tablesThere = `
  select table_name from information_schema.tables
  where table_schema = current_schema() and table_name <> 'remit_migrations' order by 1`
const tablesHere = `
  select name from sqlite_schema
  where type = 'table' and name not like 'sqlite_%' and name <> 'remit_migrations' order by 1`

test('everything is there as it was, and the file too', async () => {
  const { run, file, live, revoked, move, there, client, content } = await made()
  const before = content()
  const ran = await move()
  expect({ code: ran.code, err: ran.code === 0 ? '' : ran.err }).toEqual({ code: 0, err: '' })
  const again = await run(`migrate-store --from ${file}`, there)
  expect([again.code, again.err]).toEqual([6, expect.stringContaining('holds a store')])
  expect(content()).toBe(before)
  const db = new Database(file, { readonly: true })
  for (const table of db.prepare(tablesHere).pluck().all() as string[]) {
    const own = `select * from ${table}`
    const { rows } = await client.query(`${own} order by 1, 2`)
    const was = db.prepare(`${own} order by 1, 2`).all()
    const moved = table.startsWith('audit_') ? rows.filter(({ chain }) => chain === 'main') : rows
    expect({ table, rows: moved.map(asText) }).toEqual({ table, rows: was.map(asText) })
  }
  db.close()
  const active = async (grant: string) =>
    (await run(`introspect-token --grant-id ${grant} --json`, there)).json['active']
  expect([await active(live), await active(revoked)]).toEqual([true, false])
  expect(await run('audit verify', there)).toMatchObject({ code: 0 })
  const events = (await run('query-audit --operation migrate_store --json', there)).json['events']
  expect(events).toHaveLength(1)
})

/** Integers come from one side as numbers, from the other as texts. */
const asText = (row: unknown) =>
  Object.fromEntries(
    Object.entries(row as object).map(([name, value]) => [
      name,
      value === null ? null : String(value),
    ]),
  )

test('it says how many rows went where, and where the audit ends', async () => {
  const { run, file, there } = await made()
  const last = new Database(file, { readonly: true })
  const [seq, hash] = last.prepare('select seq, hash from audit_heads').raw().get() as unknown[]
  const grants = last.prepare('select count(*) from grants').pluck().get()
  last.close()
  const { code, json, err } = await run(`migrate-store --from ${file} --json`, there)
  expect({ code, json }).toEqual({
    code: 0,
    json: {
      store_id: expect.stringMatching(/^[0-9a-z]{26}$/),
      rows: expect.objectContaining({ grants, store_facts: 4, audit_heads: 1 }),
      audit: [{ chain: 'main', seq, head: hash }],
      checkpoints_compared: expect.any(Number),
    },
  })
  expect(err).toContain('put the file away')
})

test.each<[string, number, RegExp, (of: Awaited<ReturnType<typeof made>>) => unknown]>([
  [
    'a database of something else',
    7,
    /belongs to something else/,
    ({ client }) => client.query('create table users (id bigint)'),
  ],
  [
    'a schema with a row in it',
    6,
    /not empty: it holds rows in idempotency|not empty: it holds rows in orgs/,
    async ({ run, client, there }) => {
      expect((await run('migrate', there)).code).toBe(0)
      await client.query(`insert into orgs (id, name, created_at) values ('x', 'x', 1)`)
    },
  ],
  [
    'a source with another master key',
    7,
    /master key/,
    ({ run }) =>
      writeFileSync(join(run.home, 'master.key'), `${Buffer.alloc(32, 9).toString('base64')}\n`),
  ],
  [
    'a source whose audit was edited',
    7,
    /cannot be moved: its audit does not verify: event 3 is edited/,
    ({ file }) => past(file, `update audit_events set target = 'x' where seq = 3`),
  ],
  [
    'a source of an older schema',
    7,
    /run `remit migrate`/,
    ({ file }) => past(file, `delete from remit_migrations where number > 1`),
  ],
  [
    'a value of another type than its column',
    7,
    /another type/,
    ({ file }) =>
      past(
        file,
        `update used_proofs set expires_at = 'soon'; insert into used_proofs values ('x', 'soon')`,
      ),
  ],
])('%s is refused, and nothing is moved', async (_, code, said, spoil) => {
  const of = await made()
  await spoil(of)
  const [before, held] = [of.content(), await of.held()]
  const ran = await of.move()
  expect(ran.err).toMatch(said)
  expect(ran.code).toBe(code)
  expect([of.content(), await of.held()]).toEqual([before, held])
})

const past = (path: string, sql: string) => {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

test('a file that another process has open is not moved', async () => {
  const { file, move, held } = await made()
  const db = new Database(file)
  db.prepare('select count(*) from agents').get()
  const ran = await move()
  expect([ran.code, ran.err]).toEqual([6, expect.stringContaining('is in use')])
  db.close()
  expect(await held()).toBe(0)
  expect((await move()).code).toBe(0)
})

test('a copy that is older than the newest checkpoint is not moved', async () => {
  const { run, file, urlFile, live, held } = await made()
  const old = join(temporaryFolder(), 'old.db')
  copyFileSync(file, old)
  await run(`revoke-token --grant-id ${live} --cause leaked`)
  const ran = await run(`migrate-store --from ${old} --to-file ${urlFile}`)
  expect([ran.code, ran.err]).toEqual([6, expect.stringContaining('older than the newest')])
  expect(await held()).toBe(0)
})

test.each([
  ['in its place', 'postgres://remit:hunter2@localhost/remit'],
  ['as a parameter', 'postgres://remit@localhost/remit?password=hunter2'],
])('a password %s in a flag is refused unechoed', async (_, url) => {
  const run = commandLine()
  const { code, out, err } = await run(`migrate-store --from remit.db --to ${url}`)
  expect(code).toBe(2)
  expect(out + err).toContain('--to-file')
  expect(out + err).not.toContain('hunter2')
})

test.each([
  ['no target', '--json'],
  ['two targets', '--to postgres://localhost/remit --to-file x'],
  ['no URL', '--to hunter2'],
])('%s: refused unechoed', async (_, more) => {
  const run = commandLine()
  const { code, out, err } = await run(`migrate-store --from remit.db ${more}`)
  expect(code).toBe(2)
  expect(out + err).not.toContain('hunter2')
})

test('a URL is not told where the database is away', async () => {
  const run = commandLine()
  copyFolder(template.home, run.home)
  const [file, urlFile] = [join(run.home, 'remit.db'), join(run.home, 'url')]
  writeFileSync(urlFile, 'postgres://remit:hunter2@127.0.0.1:1/remit', { mode: 0o600 })
  const { code, out, err } = await run(`migrate-store --from ${file} --to-file ${urlFile}`)
  expect(code).toBe(7)
  expect(out + err).not.toMatch(/hunter2|127\.0\.0\.1/)
})

test('what arrives otherwise than it was sent is not kept', async () => {
  const { run, there, client, move, held } = await made()
  expect((await run('migrate', there)).code).toBe(0)
  await client.query(`create function change() returns trigger language plpgsql as $$
    begin new.detail = new.detail || ' '; return new; end $$`)
  await client.query(
    `create trigger t before insert on audit_events for each row execute function change()`,
  )
  const ran = await move()
  expect([ran.code, ran.err]).toEqual([7, expect.stringContaining('not what was sent')])
  expect(await held()).toBe(0)
})

test('a connection that breaks on the way leaves nothing, and the next run moves all', async () => {
  const { run, file, there, client, move, held, content } = await made()
  expect((await run('migrate', there)).code).toBe(0)
  await client.query(`create function cut() returns trigger language plpgsql as $$
    begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`)
  const before = content()
  const db = new Database(file, { readonly: true })
  const tables = db.prepare(tablesHere).pluck().all() as string[]
  const filled = tables.filter((table) => db.prepare(`select 1 from ${table}`).get() !== undefined)
  db.close()
  // The first, one in the middle and the last.
  const some = [0, 0.5, 1].map((part) => filled[Math.floor(part * (filled.length - 1))])
  expect(new Set(some).size).toBe(3)
  for (const table of some) {
    const trigger = `t after insert on ${table}`
    await client.query(`create trigger ${trigger} for each row execute function cut()`)
    expect([table, (await move()).code]).toEqual([table, 7])
    await client.query(`drop trigger t on ${table}`)
    expect([table, await held()]).toEqual([table, 0])
  }
  expect(content()).toBe(before)
  expect((await move()).code).toBe(0)
  expect(await run('audit verify', there)).toMatchObject({ code: 0 })
})

test('killed with -9 half way it leaves nothing, and the next run moves all', async () => {
  const { run, file, urlFile, there, client, move, held, content } = await made()
  expect((await run('migrate', there)).code).toBe(0)
  await client.query(`create function wait() returns trigger language plpgsql as $$
    begin perform pg_sleep(30); return new; end $$`)
  await client.query(
    `create trigger t after insert on signing_keys for each row execute function wait()`,
  )
  const before = content()
  const args = [main, 'migrate-store', '--from', file, '--to-file', urlFile]
  const env = { PATH: process.env['PATH'] ?? '', REMIT_HOME: run.home }
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
  const ended = once(child, 'exit')
  await expect
    .poll(async () => (await client.query(sleeping)).rowCount, { timeout: 20_000 })
    .toBe(1)
  child.kill('SIGKILL')
  await ended
  await client.query(`select pg_terminate_backend(pid) from (${sleeping}) as s`)
  await client.query('drop trigger t on signing_keys')
  expect(await held()).toBe(0)
  expect((await move()).code).toBe(0)
  expect(content()).toBe(before)
  expect(existsSync(`${file}-wal`)).toBe(false)
})

const sleeping = `
  select pid from pg_stat_activity
  where datname = current_database() and wait_event = 'PgSleep'`
