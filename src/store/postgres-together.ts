// One statement for the rows of many units. Where neither reads what another writes, the order among them does
// not matter, and what costs is the statement, not the row. Should any of them not hold, nobody knows whose
// it was: then everything is undone and each unit has its own statements.

import type { AuditEvent } from '../core/audit-link.ts'
import { eventValues, insertEventSql } from './audit.ts'
import type { Pipeline } from './postgres-pipeline.ts'
import type { Point, Unit, Value } from './store.ts'

/** Whether all that a unit writes may be written in one go with that of others. */
export const isTogether = ({ writes }: Unit): boolean =>
  writes.every(({ together, change }) => together === true && change === undefined)

/** Sends the writes of such units; units that are alike share each of their statements. */
export function sendTogether(pipeline: Pipeline, units: readonly Unit[], point: Point): void {
  const alike = new Map<string, Unit[]>()
  for (const unit of units) {
    const shape = unit.writes.map(({ sql }) => sql).join(';')
    const known = alike.get(shape)
    if (known === undefined) alike.set(shape, [unit])
    else known.push(unit)
  }
  for (const group of alike.values()) {
    for (const [i, { sql }] of (group[0]?.writes ?? []).entries()) {
      const rows = group.flatMap(({ writes }) => writes[i]?.values(point) ?? [])
      sendRows(pipeline, sql, rows, group.length)
    }
  }
}

/** An event on its chain, and whose it is. */
export interface LinkedEvent {
  readonly unit: number
  readonly event: AuditEvent
}

export function sendEvents(pipeline: Pipeline, events: readonly LinkedEvent[], together: boolean) {
  if (together) {
    const rows = events.flatMap(({ event }) => eventValues(event))
    return sendRows(pipeline, insertEventSql, rows, events.length)
  }
  for (const { unit, event } of events) pipeline.send(insertEventSql, eventValues(event), { unit })
}

function sendRows(pipeline: Pipeline, sql: string, values: readonly Value[], count: number): void {
  if (count === 0) return
  const { text, keys } = manyRows(sql)
  const rows = Array.from({ length: count }, (_, row) =>
    Object.fromEntries(keys.map((key, i) => [key, values[row * keys.length + i] ?? null])),
  )
  pipeline.send(text, [JSON.stringify(rows)], { unit: 'several', expects: count })
}

interface ManyRows {
  /** Takes all rows as one JSON array of objects. */
  readonly text: string
  readonly keys: readonly string[]
}

const known = new Map<string, ManyRows>()

export function manyRows(sql: string): ManyRows {
  const made = known.get(sql) ?? insertOfMany(sql) ?? conditionOfMany(sql)
  if (made === undefined) throw new Error(`This statement has no form for many rows: ${sql}`)
  known.set(sql, made)
  return made
}

const plainInsert =
  /^\s*insert into (\w+) \(([\w\s,]+)\)\s*values \((\$\d+(?:, \$\d+)*)\)\s*(on conflict \(\w+\) do nothing)?$/

/** An insert of given values: the table itself says what types they are. */
function insertOfMany(sql: string): ManyRows | undefined {
  const [, table, columns = '', places = '', otherwise = ''] = plainInsert.exec(sql) ?? []
  if (table === undefined) return undefined
  const keys = columns.split(',').map((column) => column.trim())
  if (places !== keys.map((_, i) => `$${i + 1}`).join(', ')) return undefined
  const text = `
    insert into ${table} (${columns})
    select ${columns}
    from json_populate_recordset(cast(null as ${table}), cast($1 as json))
    ${otherwise}`
  return { text, keys }
}

const condition = 'where not exists ('

/** What is selected, or inserted, once for each set of values unless something is there; it says the types. */
function conditionOfMany(sql: string): ManyRows | undefined {
  const [what = '', ...rest] = sql.split(condition)
  if (rest.length !== 1 || /\bfrom\b/.test(what)) return undefined
  const places = [...sql.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place))
  const keys = Array.from({ length: Math.max(...places) }, (_, i) => `v${i + 1}`)
  const ofEach = (part: string) => part.replaceAll(/\$(\d+)/g, 'each_row.v$1')
  const columns = keys.map((key) => `${key} text`).join(', ')
  const source = `from json_to_recordset(cast($1 as json)) as each_row(${columns})`
  return { text: `${ofEach(what)} ${source} ${condition}${ofEach(rest.join())}`, keys }
}
