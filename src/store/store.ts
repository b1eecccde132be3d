// The storage port: what the rest of Remit may ask of an engine. Reads are data (SQL and how to map a
// row), writes are data, and `commit` is the only way in. Engines differ behind this and nowhere else.

import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { Refusal } from '../core/refusal.ts'

export type Value = string | number | null
export type Row = Readonly<Record<string, Value>>

/** Engines in this process answer at once, others later; `await` takes both. */
export type Soon<T> = T | Promise<T>

/** The MAC over table and columns that rows carrying authority bear (authority: rule 31). */
export type Seal = (table: string, values: readonly Value[]) => string

export interface Read<T> {
  readonly sql: string
  readonly values: readonly Value[]
  /** Maps a row; `undefined` refuses it because its MAC is wrong, which the engine reports. */
  readonly map: (row: Row, seal: Seal) => T | undefined
  /** What a refused row still stands for; without this it is left out. */
  readonly damaged?: (row: Row) => T
}

/** What a write may know of the commit it belongs to. */
export interface Point {
  /** The change number of this write if it is a change, else the newest one. */
  readonly seq: number
  readonly at: number
  readonly seal: Seal
}

export interface Write {
  readonly sql: string
  readonly values: (point: Point) => readonly Value[]
  /** How many rows must be touched; anything else undoes the whole unit with `otherwise`. */
  readonly expects?: number
  readonly otherwise?: 'stale' | Refusal
  /** Makes this write a numbered change that other processes will follow. */
  readonly change?: { readonly entity: Entity; readonly id: string }
  /** Neither reads nor counts what other units write that make no change: how many are written in one go. */
  readonly together?: Together
}

/**
 * How units that are alike share a statement. `each`: the text selects its values, every one cast to its type, and
 * the rows of many come from where it has the line `-- of each`. Else it inserts its values as they are.
 */
export type Together = 'each' | RowsOf

export interface RowsOf {
  readonly table: string
  /** In the order of the values. */
  readonly columns: readonly string[]
  /** Whoever is second with this column is left out. */
  readonly once?: string
}

export type Entity =
  | 'agent'
  | 'credential'
  | 'revocation'
  | 'server'
  | 'registration'
  | 'resource_type'
  | 'signing_key'
  | 'trust_anchor'
  | 'standing_root'

export interface Change {
  readonly seq: number
  readonly entity: Entity
  readonly id: string
}

/** The writes and events of one call: all of them or none. */
export interface Unit {
  readonly writes: readonly Write[]
  readonly events: readonly UnlinkedEvent[]
  /** Which space that is kept for a full disk it may take; without this it is refused there. */
  readonly reserved?: ReservedFor
}

/** Decisions and their record; and what ends authority, with what it takes to prove that one may. */
export type ReservedFor = 'checks' | 'revocations'

export type UnitResult =
  | { readonly ok: true; readonly seq: number }
  /** A condition no longer held: decide again on the present state. */
  | { readonly ok: false; readonly stale: true }
  | { readonly ok: false; readonly stale: false; readonly error: Error }

export interface Store {
  readonly engine: 'sqlite' | 'postgres'
  read<T>(read: Read<T>): Soon<readonly T[]>
  /** Runs the units in one transaction, each under its own savepoint; returns when it is durable. */
  commit(units: readonly Unit[], at: number): Soon<readonly UnitResult[]>
  /** Whether another process committed since this was last asked; blind to one's own commits. */
  changedElsewhere(): Soon<boolean>
  close(): Soon<void>
}

/** Continues at once on a value, later on a promise: engines in this process stay synchronous. */
export const andThen = <T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> =>
  value instanceof Promise ? value.then(next) : next(value)

/** One step after the other, staying synchronous as long as the steps are. */
export function inTurn(steps: readonly (() => Soon<void>)[], from = 0): Soon<void> {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]?.()
    if (step instanceof Promise) return step.then(() => inTurn(steps, i + 1))
  }
}

export const one = <T>(rows: Soon<readonly T[]>): Soon<T | undefined> =>
  andThen(rows, ([row]) => row)
