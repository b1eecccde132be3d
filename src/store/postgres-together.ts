// One statement for the rows of many units. Where neither reads what another writes, the order among them does
// not matter, and what costs is the statement, not the row. Should any of them not hold, nobody knows whose
// it was: then everything is undone and each unit has its own statements.

import type { AuditEvent } from '../core/audit-link.ts'
import { rowsOfEvents, eventValues, insertEventSql } from './audit.ts'
import type { Pipeline } from './postgres-pipeline.ts'
import type { Point, RowsOf, Together, Unit, Value } from './store.ts'

/** Whether all that a unit writes may be written in one go with that of others. */
export const isTogether = ({ writes }: Unit): boolean =>
  writes.every(({ together, change }) => together !== undefined && change === undefined)

/** Sends the writes of such units; units that are alike share each of their statements. */
export function sendTogether(pipeline: Pipeline, units: readonly Unit[], point: Point): void {
  const alike = new Map<string, Unit[]>()
  for (const unit of units) {
    const shape = unit.writes.map(({ sql }) => numberOf(sql)).join()
    const known = alike.get(shape)
    if (known === undefined) alike.set(shape, [unit])
    else known.push(unit)
  }
  for (const group of alike.values()) {
    for (const [i, { sql, together }] of (group[0]?.writes ?? []).entries()) {
      if (together === undefined) continue
      const rows = group.map(({ writes }) => writes[i]?.values(point) ?? [])
      sendRows(pipeline, manyRows(sql, together, rows[0]?.length ?? 0), rows)
    }
  }
}

const numbers = new Map<string, number>()

/** A word for a long text, since many are compared. */
function numberOf(sql: string): number {
  const number = numbers.get(sql) ?? numbers.size
  numbers.set(sql, number)
  return number
}

/** An event on its chain, and whose it is. */
export interface LinkedEvent {
  readonly unit: number
  readonly event: AuditEvent
}

export function sendEvents(pipeline: Pipeline, events: readonly LinkedEvent[], together: boolean) {
  if (together) {
    const rows = events.map(({ event }) => eventValues(event))
    return sendRows(pipeline, manyRows(insertEventSql, rowsOfEvents, 0), rows)
  }
  for (const { unit, event } of events) pipeline.send(insertEventSql, eventValues(event), { unit })
}

function sendRows(
  pipeline: Pipeline,
  { text, keys }: ManyRows,
  rows: readonly (readonly Value[])[],
): void {
  if (rows.length === 0) return
  const named = rows.map((row) => {
    const record: Record<string, Value> = {}
    for (const [i, key] of keys.entries()) record[key] = row[i] ?? null
    return record
  })
  pipeline.send(text, [JSON.stringify(named)], { unit: 'several', expects: rows.length })
}

interface ManyRows {
  /** Takes all rows as one JSON array of objects. */
  readonly text: string
  readonly keys: readonly string[]
}

const known = new Map<string, ManyRows>()

/** The statement for the rows of many, made once of the one that each would run by itself. */
function manyRows(sql: string, together: Together, width: number): ManyRows {
  const made = known.get(sql) ?? (together === 'each' ? ofEach(sql, width) : insertOf(together))
  known.set(sql, made)
  return made
}

/** The table itself says what types the values are. */
function insertOf({ table, columns, once }: RowsOf): ManyRows {
  const names = columns.join(', ')
  const text = `
    insert into ${table} (${names})
    select ${names}
    from json_populate_recordset(cast(null as ${table}), cast($1 as json))
    ${once === undefined ? '' : `on conflict (${once}) do nothing`}`
  return { text, keys: columns }
}

/** Every value is cast where it stands, so that it may come as text. */
function ofEach(sql: string, width: number): ManyRows {
  const keys = Array.from({ length: width }, (_, i) => `v${i + 1}`)
  const columns = keys.map((key) => `${key} text`).join(', ')
  const rows = `from json_to_recordset(cast($1 as json)) as each_row(${columns})`
  const text = sql.replaceAll(/\$(\d+)/g, 'each_row.v$1').replace('-- of each', () => rows)
  return { text, keys }
}
