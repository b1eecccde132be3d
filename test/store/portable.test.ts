// One text of SQL for both engines: what only one of them understands, or understands differently, is not
// in it.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Statement {
  readonly place: string
  readonly sql: string
}

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** What a module imports that speaks to one engine only. */
const ofOneEngine = /from '(?:better-sqlite3|pg|\.\/driver\.ts|\.\/sqlite\.ts|\.\/postgres.*)'/

const queries = readdirSync(new URL('src/store', root))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ place: `src/store/${file}`, source: read(`src/store/${file}`) }))
  .filter(({ source }) => !ofOneEngine.test(source))
  .flatMap(({ place, source }) => statementsIn(place, source))

const schema = readdirSync(new URL('db', root)).flatMap((file) =>
  read(`db/${file}`)
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((sql) => ({ place: `db/${file}`, sql: sql.trim() }))
    .filter(({ sql }) => sql !== ''),
)

function statementsIn(place: string, source: string): Statement[] {
  const texts = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').match(/`[^`]*`/g) ?? []
  return texts
    .map((text) => ({ place, sql: text.slice(1, -1).trim() }))
    .filter(({ sql }) => /^(?:select|insert|update|delete|with|create)\b/i.test(sql))
}

/** Without what stands in quotes, which may be anything. */
const bare = (sql: string) => sql.replaceAll(/'(?:[^']|'')*'/g, `''`)

const placeholders = (sql: string) =>
  [...new Set([...bare(sql).matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)))].toSorted(
    (a, b) => a - b,
  )

/** Each rule, what breaks it, and an example that it must find. */
const rules: readonly [string, (sql: string) => boolean, string][] = [
  ['is lower case', (sql) => /[A-Z]/.test(bare(sql)), `SELECT 1`],
  ['is not built from strings', (sql) => sql.includes('${'), 'select * from ${table}'],
  ['casts by cast()', (sql) => bare(sql).includes('::'), `select $1::text`],
  [
    'locks by update',
    (sql) => /\bfor\s+(?:update|share)\b/.test(sql),
    `select 1 from a for update`,
  ],
  [
    'has no max or min of several values',
    (sql) => /\b(?:max|min)\s*\((?:[^()]|\([^()]*\))*,/.test(bare(sql)),
    `select max(coalesce(a, 0), b) from c`,
  ],
  [
    'has only $n for values, from $1 on without a gap',
    (sql) => /[?@]|(?<!:):\w|\$\D/.test(bare(sql)) || placeholders(sql).some((n, i) => n !== i + 1),
    `select 1 where a = $2`,
  ],
  ['has no other placeholders', (sql) => /[?@]/.test(bare(sql)), `select 1 where a = ?`],
  [
    'has no words of one engine',
    (sql) =>
      /\b(?:rowid|glob|ifnull|iif|strftime|datetime|autoincrement|pragma|ilike|now|serial|identity|generated|nextval|jsonb?|array|interval|limit all|or (?:ignore|replace|abort))\b|->/.test(
        bare(sql).replaceAll('json_each', ''),
      ),
    `insert or replace into a values (1)`,
  ],
  [
    'goes through lists by json_each over an object',
    (sql) => /\bin\s*\(\s*\$/.test(sql) || /json_each\((?!cast\(\$\d+ as text\)\))/.test(sql),
    `select 1 where a in ($1)`,
  ],
]

test('there is something to judge', () => {
  expect(queries.length).toBeGreaterThan(70)
  expect(schema.length).toBeGreaterThan(25)
  expect(queries.every(({ sql }) => !sql.includes(';'))).toBe(true)
})

describe.each(rules)('SQL %s', (_, breaks, example) => {
  test('where it is told apart', () => {
    expect(breaks(example)).toBe(true)
    expect(
      breaks(`select a, max(b) as b from c where d = $1 and e like '% ? A::b %' limit $2`),
    ).toBe(false)
  })

  test('everywhere', () => {
    expect([...queries, ...schema].filter(({ sql }) => breaks(sql))).toEqual([])
  })
})

describe('the schema', () => {
  const columns = schema
    .filter(({ sql }) => sql.startsWith('create table'))
    .flatMap(({ sql }) =>
      sql
        .slice(sql.indexOf('(') + 1, sql.lastIndexOf(')'))
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !/^(?:unique|primary key) \(/.test(line)),
    )

  test('has columns of text, bigint and bytea only', () => {
    expect(columns.length).toBeGreaterThan(150)
    const others = columns.filter((line) => !/^[a-z_]+ (?:text|bigint|bytea)\b[^()]*$/.test(line))
    expect(others).toEqual([])
  })

  test('assigns no value by itself', () => {
    expect(columns.filter((line) => /\b(?:default|check|references|collate)\b/.test(line))).toEqual(
      [],
    )
  })

  test('has no triggers and no views', () => {
    const others = schema.filter(
      ({ sql }) =>
        !/^(?:create (?:table|index|unique index)|drop index|alter table [a-z_]+ (?:add|rename) column) /.test(
          sql,
        ),
    )
    expect(others).toEqual([])
  })
})
