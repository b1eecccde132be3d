// Node 24 ended the whole process when it collected, in passing, what a driver built against Node itself had made.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'

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
