// Node 24 ended the whole process when it collected, in passing, what a driver built against Node itself had made.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Database, driverFor } from '../../src/store/driver.ts'

test('databases that nobody holds any longer are collected without harm', () => {
  let db = new Database(':memory:')
  for (let i = 0; i < 3000; i++) db = new Database(':memory:')
  expect(db.prepare('select 1 as one').get()).toEqual({ one: 1 })
  db.close()
})

test.each(['src', 'test'])(
  'all of %s takes the driver from the one place that chooses it',
  (folder) => {
    const root = fileURLToPath(new URL(`../../${folder}/`, import.meta.url))
    const importers = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) =>
        /(?:from|import\() ?'better-sqlite3/.test(readFileSync(root + file, 'utf8')),
      )
    expect(importers).toEqual(folder === 'src' ? ['store/driver.ts'] : [])
  },
)

describe('packages that were installed under another Node', () => {
  const missing = (name: string) => {
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
  }
  const failing = (fields: object) => () =>
    function made() {
      throw Object.assign(new Error('as Node says it'), fields)
    }

  test.each([
    ['are missing', '22.12.0', 'better-sqlite3-13', missing],
    ['are missing', '20.19.0', 'better-sqlite3', missing],
    ['are built for it', '20.19.0', 'better-sqlite3', failing({ code: 'ERR_DLOPEN_FAILED' })],
    ['were never built', '20.19.0', 'better-sqlite3', failing({ tries: ['build/a.node'] })],
  ])('%s: the first database that is opened says so, on %s', (_, node, name, load) => {
    const Driver = driverFor(node, load)
    expect(() => new Driver(':memory:')).toThrow(
      expect.objectContaining({
        name: 'StoreProblem',
        kind: 'no_driver',
        message: expect.stringMatching(
          new RegExp(
            `^The driver of SQLite, ${name}, does not load on Node ${node}: .*Install them again`,
          ),
        ),
      }),
    )
  })

  test('are no excuse for what else a driver throws', () => {
    const Driver = driverFor('20.19.0', failing({ code: 'SQLITE_CANTOPEN' }))
    expect(() => new Driver(':memory:')).toThrow('as Node says it')
    expect(() => new Database('/nowhere/at/all')).toThrow('directory does not exist')
  })
})
