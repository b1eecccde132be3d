// The log: one line of JSON on stderr per event, from pino, which is loaded with the first line. Whatever
// looks like a secret or a token of ours is cut out of the line itself, wherever it came from.

import type { Log } from '../authority/context.ts'
import type { Config } from '../config.ts'

const secretLike = /rmt_[a-z]{3}_[0-9A-Za-z]+|eyJ[\w-]+\.[\w-]+\.[\w-]*/g

/** Writes to `stderr` at the configured level. */
export function createLog(level: Config['logLevel'], write: (line: string) => void): Log {
  let loading: Promise<Log> | undefined
  const load = async (): Promise<Log> => {
    const { pino } = await import('pino')
    const destination = { write: (line: string) => write(line.replaceAll(secretLike, '[secret]')) }
    return pino<never>({ level, base: { pid: process.pid } }, destination)
  }
  const log = async (how: keyof Log, fields: object, message: string): Promise<void> => {
    loading ??= load()
    const logger = await loading
    logger[how]({ ...fields }, message)
  }
  return {
    warn: (fields, message) => void log('warn', fields, message),
    error: (fields, message) => void log('error', fields, message),
  }
}
