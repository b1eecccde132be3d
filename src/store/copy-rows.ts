// The rows of a table on their way from SQLite to PostgreSQL: sent in batches, then read back in the order
// of their keys and compared with what was sent, value by value.

import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Database } from './driver.ts'
import { StoreProblem } from './problem.ts'

export interface CopiedTable {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'bigint' }[]
  /** The columns of its primary key. */
  readonly key: readonly string[]
}

type Texts = readonly (string | null)[]

const batch = 1000

/** The tables that both sides have, which must be the same ones with the same columns. */
export async function copiedTables(
  db: Database,
  client: pg.Client,
): Promise<readonly CopiedTable[]> {
  const there = await client.query<{ of: string; name: string; type: string }>(
    `select table_name as of, column_name as name, data_type as type
     from information_schema.columns
     where table_schema = current_schema()`,
  )
  const typeOf = new Map(there.rows.map(({ of, name, type }) => [`${of}.${name}`, type]))
  const tables = (db.prepare(tableNames).pluck().all() as string[]).map((name) => {
    const found = db.prepare(columnsOf).all(name) as { name: string; pk: number }[]
    const columns = found.map((column) => {
      const type = typeOf.get(`${name}.${column.name}`)
      typeOf.delete(`${name}.${column.name}`)
      if (type === 'text' || type === 'bigint') return { name: column.name, type } as const
      throw unlike(`${name}.${column.name}`)
    })
    const key = found.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk)
    return { name, columns, key: key.map((column) => column.name) }
  })
  const left = [...typeOf.keys()].find((name) => !name.startsWith('remit_migrations.'))
  if (left !== undefined) throw unlike(left)
  return tables
}

const tableNames = `
  select name from sqlite_schema
  where type = 'table' and name not like 'sqlite_%' and name <> 'remit_migrations'
  order by name`
const columnsOf = `select name, pk from pragma_table_info(?) order by cid`

/** The first of these tables that holds anything. */
export async function firstFilled(
  client: pg.Client,
  tables: readonly CopiedTable[],
): Promise<string | undefined> {
  for (const { name } of tables) {
    const { rowCount } = await client.query(`select 1 from ${name} limit 1`)
    if (rowCount !== 0) return name
  }
  return undefined
}

/** Copies a table and proves the copy; returns the number of rows. */
export async function copyRows(
  db: Database,
  client: pg.Client,
  table: CopiedTable,
): Promise<number> {
  const sent = digest()
  let rows: Texts[] = []
  const send = async () => {
    if (rows.length > 0) await client.query(insertOf(table), columnwise(table, rows))
    rows = []
  }
  for (const row of valuesIn(db, table)) {
    sent.add(row)
    rows.push(row)
    if (rows.length === batch) await send()
  }
  await send()
  const arrived = await digestOf(client, table)
  if (arrived.count === sent.count() && arrived.hash === sent.hash()) return arrived.count
  throw new StoreProblem(
    'failed',
    `What arrived in ${table.name} is not what was sent (${sent.count()} rows, ${arrived.count} arrived); nothing was kept.`,
  )
}

function* valuesIn(db: Database, table: CopiedTable): Generator<Texts> {
  const columns = table.columns.map(({ name }) => name).join(', ')
  const order = table.key.join(', ')
  const statement = db.prepare(`select ${columns} from ${table.name} order by ${order}`)
  for (const row of statement.raw().safeIntegers().iterate() as Iterable<unknown[]>) {
    yield row.map((value, i) => textOf(table, i, value))
  }
}

/** Nothing is converted: a value of another type than its column’s did not come from Remit. */
function textOf({ name, columns }: CopiedTable, i: number, value: unknown): string | null {
  if (value === null) return null
  const column = columns[i]
  const wanted = column?.type === 'bigint' ? 'bigint' : 'string'
  if (typeof value === wanted) return String(value)
  throw new StoreProblem(
    'damaged',
    `A value in ${name}.${column?.name} is of another type than its column; nothing was changed.`,
  )
}

function insertOf({ name, columns }: CopiedTable): string {
  const names = columns.map((column) => column.name).join(', ')
  const arrays = columns.map(({ type }, i) => `cast($${i + 1} as ${type}[])`).join(', ')
  return `insert into ${name} (${names}) select * from unnest(${arrays})`
}

const columnwise = ({ columns }: CopiedTable, rows: readonly Texts[]) =>
  columns.map((_, i) => rows.map((row) => row[i] ?? null))

async function digestOf(client: pg.Client, { name, columns, key }: CopiedTable) {
  const texts = columns.map((column) => `cast(${column.name} as text)`).join(', ')
  // As bytes, like SQLite, not by the language of the database; and by the columns, not their texts.
  const order = key
    .map((each) => columns.find((column) => column.name === each))
    .map((column) => `t.${column?.name}${column?.type === 'text' ? ' collate "C"' : ''}`)
    .join(', ')
  await client.query(
    `declare arrived cursor for select ${texts} from ${name} as t order by ${order}`,
  )
  const seen = digest()
  for (;;) {
    const { rows } = await client.query<(string | null)[]>({
      text: `fetch ${batch} from arrived`,
      rowMode: 'array',
    })
    rows.forEach(seen.add)
    if (rows.length < batch) break
  }
  await client.query('close arrived')
  return { count: seen.count(), hash: seen.hash() }
}

function digest() {
  const hash = createHash('sha256')
  let count = 0
  return {
    add: (row: Texts) => {
      hash.update(`${JSON.stringify(row)}\n`)
      count += 1
    },
    count: () => count,
    hash: () => hash.copy().digest('hex'),
  }
}

const unlike = (what: string): StoreProblem =>
  new StoreProblem('failed', `${what} is not on both sides alike; nothing was changed.`)
