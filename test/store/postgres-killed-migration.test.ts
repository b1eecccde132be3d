// The same on PostgreSQL, where whoever migrates loses its connection after any of its statements.

import { expect, test } from 'vitest'
import { migrations } from '../../src/store/migrate.ts'
import { migratePostgres } from '../../src/store/postgres-open.ts'
import { clientOf, postgresDatabase } from '../support/postgres-store.ts'
import { statementsOf } from './statements.ts'

const kill = 'select pg_terminate_backend(pg_backend_pid())'
const columns = `
  select table_name, column_name, data_type from information_schema.columns
  where table_schema = current_schema() order by 1, 2`

test('killed after any statement', { timeout: 120_000 }, async () => {
  const [url, other] = [postgresDatabase('template1'), postgresDatabase('template1')]
  const client = await clientOf(url)
  const version = async () => {
    const { rows } = await client.query<{ v: string }>(
      'select coalesce(max(number), 0) as v from remit_migrations',
    )
    return Number(rows[0]?.v)
  }
  let before = 0
  for (const [i, step] of migrations().entries()) {
    const statements = statementsOf(step.sql)
    for (const at of statements.keys()) {
      const cut = [...statements.slice(0, at + 1), kill, ...statements.slice(at + 1)]
      const steps = [...migrations().slice(0, i), { ...step, sql: cut.join(';\n') }]
      await expect(migratePostgres(url, steps)).rejects.toThrow(/The database (?:answered|closed)/)
      expect([step.name, at, await version()]).toEqual([step.name, at, before])
    }
    await migratePostgres(url, migrations().slice(0, i + 1))
    before = step.number
    expect(await version()).toBe(before)
  }
  await migratePostgres(other)
  const whole = await clientOf(other)
  expect((await client.query(columns)).rows).toEqual((await whole.query(columns)).rows)
})
