// One transaction on one connection, sent ahead of its answers. Tells apart what one unit did wrong, what
// the database asks to try again, and what ends the connection; and never takes an unknown outcome of a
// commit for either.

import type pg from 'pg'
import { Refusal } from '../core/refusal.ts'
import type { StatementNames } from './postgres-settings.ts'
import type { Read, Row, Seal, UnitResult, Value, Write } from './store.ts'

/** Nothing was committed, and the same may well go through now. */
export class Again extends Error {}

export interface Belongs {
  /** The unit by its place; of a statement for several nobody knows which of them it is. */
  readonly unit: number | 'several'
  readonly expects?: number | undefined
  readonly otherwise?: Write['otherwise'] | undefined
}

export interface Pipeline {
  /** Sends a statement; its answer is judged by `failures`. */
  send(sql: string, values?: readonly Value[], belongs?: Belongs): void
  /** Sends a query and waits for its rows. */
  read<T>(read: Read<T>, seal: Seal): Promise<readonly T[]>
  /**
   * Waits for the answers; the first unit that cannot be committed, since those after it may have failed
   * only because of it. Throws what is no unit's doing.
   */
  failure(): Promise<readonly [unit: Belongs['unit'], result: UnitResult] | undefined>
  commit(): Promise<void>
  rollback(): Promise<void>
}

interface Sent {
  readonly belongs: Belongs | undefined
  readonly answer: Promise<pg.QueryResult | Failed>
}

class Failed {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

export function createPipeline(client: pg.Client, names: StatementNames): Pipeline {
  const sent: Sent[] = []
  const run = (sql: string, values: readonly Value[]): Promise<pg.QueryResult | Failed> =>
    client.query(names.of(sql, values)).catch((error: unknown) => new Failed(error))

  return {
    send: (sql, values = [], belongs = undefined) => {
      sent.push({ belongs, answer: run(sql, values) })
    },
    read: async ({ sql, values, map }, seal) => {
      const answer = await run(sql, values)
      if (answer instanceof Failed) throw judged(answer.error)
      return (answer.rows as Row[]).flatMap((row) => map(row, seal) ?? [])
    },
    failure: async () => {
      for (const { belongs, answer } of sent) {
        const result = await answer
        const verdict = verdictOf(belongs, result)
        if (verdict !== undefined && belongs !== undefined) return [belongs.unit, verdict]
        if (result instanceof Failed) throw judged(result.error)
      }
      return undefined
    },
    commit: async () => {
      const answer = await run('commit', [])
      // What was broken before is rolled back by this, and says so without an error.
      if (!(answer instanceof Failed)) {
        if (answer.command === 'COMMIT') return
        throw new Again('rolled back')
      }
      if (codeOf(answer.error) !== '' && !isConnection(answer.error)) throw judged(answer.error)
      throw unknownOutcome(answer.error)
    },
    rollback: async () => {
      const answer = await run('rollback', [])
      if (answer instanceof Failed) throw judged(answer.error)
    },
  }
}

/** What an answer says about its own unit; `undefined` where it is fine, or not the unit's doing. */
function verdictOf(
  belongs: Belongs | undefined,
  result: pg.QueryResult | Failed,
): UnitResult | undefined {
  if (belongs === undefined) return undefined
  if (result instanceof Failed) {
    const code = codeOf(result.error)
    if (code.startsWith('23')) return { ok: false, stale: true }
    if (code.startsWith('22')) return { ok: false, stale: false, error: result.error as Error }
    return undefined
  }
  const { expects, otherwise } = belongs
  if (expects === undefined || result.rowCount === expects) return undefined
  return otherwise instanceof Refusal
    ? { ok: false, stale: false, error: otherwise }
    : { ok: false, stale: true }
}

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : ''
}

/** Class 08 and administrators' shutdowns; without a code the connection itself broke. */
const isConnection = (error: unknown): boolean => /^(08|57P)/.test(codeOf(error))

/** Serialization failures and deadlocks are the database's way to say: once more. */
function judged(error: unknown): unknown {
  const code = codeOf(error)
  const isAgain = code === '40001' || code === '40P01' || code === '' || isConnection(error)
  return isAgain && !(error instanceof Refusal) ? new Again('again', { cause: error }) : error
}

const unknownOutcome = (cause: unknown): Refusal =>
  new Refusal('unavailable', {
    message:
      'The connection broke while the change was being committed: it may have happened or not.',
    remedy: { text: 'Repeat the call with the same idempotency key, or look before trying again.' },
    cause,
  })
