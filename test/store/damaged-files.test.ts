// Files that are not what they were: a page of the database, the log beside it, its mode, or what lies in
// its place. Nothing is started on them, nothing is written into them, and each refusal says what is wrong.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { commandLine } from '../cli/command.ts'
import { copyFolder, temporaryFolder } from '../support/temporary.ts'

/** Two stores whose last commits are in their logs, as a crash leaves them. */
let templates: string
beforeAll(async () => {
  templates = mkdtempSync(join(tmpdir(), 'remit-damaged-'))
  for (const name of ['one', 'other']) {
    const home = join(templates, `${name}.made`)
    const run = commandLine(home)
    const made = await run('init')
    if (made.code !== 0) throw new Error(made.err)
    const db = new Database(join(home, 'remit.db'))
    // The log stays as it is while this is open.
    db.pragma('wal_autocheckpoint = 0')
    db.prepare('select count(*) from agents').get()
    for (let i = 0; i < 3; i++) await run('mint-token --scopes demo:read')
    copyFolder(home, join(templates, name))
    db.close()
  }
})
afterAll(() => rmSync(templates, { recursive: true, force: true }))

function crashed() {
  const run = commandLine()
  copyFolder(join(templates, 'one'), run.home)
  const file = join(run.home, 'remit.db')
  return { run, file, log: `${file}-wal`, index: `${file}-shm` }
}

const bytes = (path: string) => (existsSync(path) ? readFileSync(path).toString('base64') : 'none')

test('what a crash left in the log is there again', async () => {
  const { run, log } = crashed()
  expect(readFileSync(log).length).toBeGreaterThan(0)
  const { code, json } = await run('query-audit --operation mint_token --json')
  expect(code).toBe(0)
  expect(json['events']).toHaveLength(3)
})

type Spoil = (of: ReturnType<typeof crashed>) => void

const spoiled: readonly (readonly [string, RegExp, Spoil])[] = [
  ['the log is gone', /remit\.db-wal is missing/, ({ log }) => rmSync(log)],
  [
    'the log is another store’s',
    /not whole with .*-wal/,
    ({ log, index }) => {
      copyFileSync(join(templates, 'other', 'remit.db-wal'), log)
      rmSync(index)
    },
  ],
  [
    'the database is another store’s',
    /master key/,
    ({ file, index }) => {
      copyFileSync(join(templates, 'other', 'remit.db'), file)
      rmSync(index)
    },
  ],
  [
    'the log is a link',
    /remit\.db-wal is (a link|not a regular file)/,
    ({ log, run }) => {
      renameSync(log, join(run.home, 'elsewhere'))
      symlinkSync(join(run.home, 'elsewhere'), log)
    },
  ],
  [
    'the database is a link',
    /remit\.db is (a link|not a regular file)/,
    ({ file, run }) => {
      renameSync(file, join(run.home, 'elsewhere'))
      symlinkSync(join(run.home, 'elsewhere'), file)
    },
  ],
  [
    'the database is open to others',
    /open to other users \(mode 644\); close it with chmod 600/,
    ({ file }) => chmodSync(file, 0o644),
  ],
  ['the log is open to others', /mode 660/, ({ log }) => chmodSync(log, 0o660)],
]

describe('where', () => {
  test.each(spoiled)('%s, no server starts and nothing is changed', async (_, said, spoil) => {
    const of = crashed()
    spoil(of)
    const before = [bytes(of.file), bytes(of.log)]
    for (const command of ['whoami', 'init --recover', 'audit verify', 'prune --older-than 30d']) {
      const { code, err } = await of.run(command)
      expect([command, code, err]).toEqual([
        command,
        expect.any(Number),
        expect.stringMatching(said),
      ])
      expect(code).toBeGreaterThan(0)
    }
    expect([bytes(of.file), bytes(of.log)]).toEqual(before)
  })
})

test('a log that was lost is accepted by restoring what is left', async () => {
  const { run, file, log, index } = crashed()
  rmSync(log)
  const left = join(temporaryFolder(), 'left.db')
  renameSync(file, left)
  rmSync(index)
  const { code, err } = await run(`restore ${left} --accept-older`)
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
})

test('a damaged page is refused where it is read, and named by doctor; what does not touch it goes on', async () => {
  const { run, file, log, index } = crashed()
  await run('whoami')
  expect([existsSync(log), existsSync(index)]).toEqual([false, false])
  const db = new Database(file, { readonly: true })
  const page = db
    .prepare(`select rootpage from sqlite_schema where name = 'handoffs'`)
    .pluck()
    .get() as number
  const size = Number(db.pragma('page_size', { simple: true }))
  db.close()
  const content = readFileSync(file)
  content.fill(0xff, (page - 1) * size, page * size)
  writeFileSync(file, content)
  expect((await run('whoami')).code).toBe(0)
  const { code, err } = await run('claim-handoff --handoff rmt_hof_nothing')
  expect(code).not.toBe(0)
  expect(err).not.toContain('handoffs')
  const doctor = await run('doctor')
  expect(doctor.code).toBe(1)
  expect(doctor.out).toContain(
    'problem  store: The database answered SQLITE_CORRUPT, a page of it is damaged',
  )
})
