// How records cross into columns and back: the small conversions that every table shares, and the check
// of the MAC that a row with authority bears.

import { parseScopes } from '../core/scope.ts'
import type { ScopeSet } from '../core/scope.ts'
import type { Point, Row, RowsOf, Seal, Value } from './store.ts'

/** A table whose rows are sealed over `columns`, in this order. */
export interface SealedTable {
  readonly name: string
  readonly columns: readonly string[]
  /** Columns of later migrations: rows from before them, where all are null, keep their MAC. */
  readonly later?: readonly string[]
}

/** Whether a row still is what was written. */
export function isSound(table: SealedTable, row: Row, seal: Seal): boolean {
  const columns = [...table.columns, ...(table.later ?? [])]
  const values = columns.map((column) => row[column] ?? null)
  return row['mac'] === seal(table.name, covered(table, values))
}

/** Values in the order of the table's columns, followed by their MAC. */
export const sealed = (table: SealedTable, values: readonly Value[], point: Point): Value[] => [
  ...values,
  point.seal(table.name, covered(table, values)),
]

/** What is inserted, as `sealed` gives the values, may be inserted with that of others. */
export const rowsOf = ({ name, columns, later = [] }: SealedTable, once?: string): RowsOf => ({
  table: name,
  columns: [...columns, ...later, 'mac'],
  ...(once !== undefined && { once }),
})

/** Nothing that is there stays outside the MAC; a list of another length has another MAC. */
const covered = ({ columns }: SealedTable, values: readonly Value[]): readonly Value[] =>
  values.slice(columns.length).every((value) => value === null)
    ? values.slice(0, columns.length)
    : values

export const text = (row: Row, column: string): string => String(row[column])
export const number = (row: Row, column: string): number => Number(row[column])
export const flag = (row: Row, column: string): boolean => row[column] === 1

/** `{ [key]: value }` where the column is not null, to be spread into a record. */
export function optionalText<K extends string>(row: Row, column: string, key: K) {
  const value = row[column]
  return (value === null || value === undefined ? {} : { [key]: String(value) }) as {
    readonly [P in K]?: string
  }
}

/** The same where the column holds JSON. */
export function optionalJson<K extends string, T>(row: Row, column: string, key: K) {
  const value = row[column]
  return (value === null || value === undefined ? {} : { [key]: JSON.parse(String(value)) }) as {
    readonly [P in K]?: T
  }
}

export function optionalNumber<K extends string>(row: Row, column: string, key: K) {
  const value = row[column]
  return (value === null || value === undefined ? {} : { [key]: Number(value) }) as {
    readonly [P in K]?: number
  }
}

export function optionalScopes<K extends string>(row: Row, column: string, key: K) {
  const value = row[column]
  return (value === null || value === undefined ? {} : { [key]: scopes(row, column) }) as {
    readonly [P in K]?: ScopeSet
  }
}

/** A stored set that does not parse grants nothing. */
export const scopes = (row: Row, column: string): ScopeSet => parseScopes(text(row, column)) ?? []

export const words = (row: Row, column: string): string[] =>
  text(row, column)
    .split(' ')
    .filter((word) => word !== '')

export const listOf = (items: readonly string[]): string => items.join(' ')
