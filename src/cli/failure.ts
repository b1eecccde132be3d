// How a command that could not do its work ends: what was wrong and what would mend it on stderr, and the
// exit code of its class.

import { exitCodeOf, Refusal } from '../core/refusal.ts'
import type { Output } from './output.ts'

/** Says it; returns the exit code. With `json` the whole error object is said. */
export function fail(output: Output, error: unknown, json = false): number {
  if (!(error instanceof Refusal)) {
    const message = error instanceof Error ? error.message : String(error)
    output.say(json ? JSON.stringify({ error: { code: 'server_error', message } }) : plain(message))
    return 1
  }
  if (json) {
    output.say(JSON.stringify({ error: error.toError() }))
    return exitCodeOf(error.code)
  }
  const { missing, missing_at: at, failures, remedy } = error.toError()
  output.say(output.strong(`${plain(error.message)} (${error.code})`))
  if (missing !== undefined) output.say(`  missing: ${missing.join(', ')}`)
  if (at !== undefined) output.say(`  at: ${at}`)
  for (const { dimension, asked, allowed } of failures ?? []) {
    const limit = allowed === undefined ? '' : `, allowed ${shown(allowed)}`
    output.say(`  ${dimension}: ${shown(asked)}${limit}`)
  }
  if (remedy !== undefined) output.say(`  ${remedy.text}`)
  return exitCodeOf(error.code)
}

const plain = (message: string): string => `remit: ${message}`

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)
