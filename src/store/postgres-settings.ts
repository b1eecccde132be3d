// What every connection to PostgreSQL has in common, and what its errors mean.

import pg from 'pg'
import { Refusal } from '../core/refusal.ts'
import { StoreProblem } from './problem.ts'
import type { Value } from './store.ts'

/** Integers arrive as numbers, and a server that does not answer is given up on. */
export const settingsFor = (connectionString: string): pg.ClientConfig => ({
  connectionString,
  application_name: 'remit',
  connectionTimeoutMillis: 5_000,
  statement_timeout: 30_000,
  keepAlive: true,
  types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
})

const int8 = 20

const parserOf = (type: number, format?: 'text' | 'binary') =>
  type === int8 ? Number : pg.types.getTypeParser(type, format as 'text')

export interface StatementNames {
  /** A named statement, which each connection parses once. */
  of(sql: string, values: readonly Value[]): pg.QueryConfig
}

export function statementNames(): StatementNames {
  const names = new Map<string, string>()
  return {
    of(text, values) {
      const name = names.get(text) ?? `s${names.size}`
      names.set(text, name)
      return { name, text, values: [...values] }
    },
  }
}

const diskFull = '53100'

const noRoom = (cause: unknown): Refusal =>
  new Refusal('unavailable', {
    message: 'The disk of the database is full; nothing was changed.',
    remedy: { text: 'The operator must make room on it; then this goes on by itself.' },
    cause,
  })

/** What an error of the engine means to a caller; the engine's own words go to the log only. */
export function asProblem(error: unknown): Error {
  if (error instanceof Refusal || error instanceof StoreProblem) return error
  const code = (error as { code?: unknown } | null)?.code
  if (code === diskFull) return noRoom(error)
  const what =
    typeof code === 'string'
      ? `answered ${code}`
      : 'closed the connection, or did not answer in time'
  return new StoreProblem('failed', `The database ${what}`, { cause: error })
}
