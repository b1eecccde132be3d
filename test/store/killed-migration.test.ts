// A migration that is killed at any of its statements leaves a database of before or after it, never one in
// between; whoever comes next goes on from there.

import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database } from '../../src/store/driver.ts'
import { migrate, migrations, schemaVersion } from '../../src/store/migrate.ts'
import { openDatabase } from '../../src/store/sqlite.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { statementsOf } from './statements.ts'

const schemaOf = (db: Database) =>
  db.prepare(`select type, name, sql from sqlite_schema order by type, name`).all()

test('killed after any statement, on SQLite', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'remit.db')
  const db = openDatabase(path)
  // Pages go to the log as early as they can, as those of a large migration do.
  db.pragma('cache_size = 1')
  const versions: number[] = []
  db.function('kill', () => {
    // What kill -9 leaves is what is in the files now.
    versions.push(versionAfterKill(path, join(folder, `killed-${versions.length}.db`)))
    return 0
  })
  const steps = migrations().map(({ sql, ...step }) => ({
    ...step,
    sql: statementsOf(sql)
      .flatMap((statement) => [statement, 'select kill()'])
      .join(';\n'),
  }))
  migrate(db, steps)
  const before = migrations().flatMap(({ sql }, i) =>
    statementsOf(sql).map(() => migrations()[i - 1]?.number ?? 0),
  )
  expect(versions).toEqual(before)
  expect(before.length).toBeGreaterThan(30)
  const whole = openDatabase(join(folder, 'whole.db'))
  migrate(whole)
  expect(schemaOf(db)).toEqual(schemaOf(whole))
  for (const each of versions.keys()) {
    const killed = openDatabase(join(folder, `killed-${each}.db`))
    migrate(killed)
    expect(schemaOf(killed)).toEqual(schemaOf(whole))
    expect(killed.pragma('integrity_check', { simple: true })).toBe('ok')
    killed.close()
  }
  whole.close()
  db.close()
})

function versionAfterKill(path: string, copy: string): number {
  for (const end of ['', '-wal']) if (existsSync(path + end)) copyFileSync(path + end, copy + end)
  const db = new Database(copy)
  try {
    return schemaVersion(db)
  } finally {
    db.close()
  }
}
