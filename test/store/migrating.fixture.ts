// A process that brings a database up to date: waits until it may, then does it, or is killed half way.
// Arguments: the database, a file to wait for, and `die` for the second.

import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { migrate, migrations } from '../../src/store/migrate.ts'
import { openDatabase } from '../../src/store/sqlite.ts'

const [path = '', go = '', how = ''] = process.argv.slice(2)

writeFileSync(`${go}.${process.pid}`, '')
while (!existsSync(go)) await setTimeout(5)

const db = openDatabase(path)
db.function('die', () => {
  process.kill(process.pid, 'SIGKILL')
  return 0
})
const half = `create table half (a text); insert into half values ('x'); select die();`
const newest = migrations().at(-1)?.number ?? 0
const next = { number: newest + 1, name: 'half.sql', sql: half }
migrate(db, how === 'die' ? [...migrations(), next] : migrations())
db.close()
