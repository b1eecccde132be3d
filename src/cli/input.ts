// The arguments of one call, put together from flags, from files that hold secrets, and from --input.

import { readFileSync } from 'node:fs'
import { Refusal } from '../core/refusal.ts'
import type { Flag } from './flags.ts'

/** Refuses with `invalid_request` what is given twice, is no JSON object, or cannot be read. */
export function argumentsFrom(
  flags: readonly Flag[],
  given: Readonly<Record<string, unknown>>,
  readStdin: () => string = () => readFileSync(0, 'utf8'),
): Record<string, unknown> {
  const read = (place: string) => contentOf(place, readStdin)
  const whole = typeof given['input'] === 'string' ? objectIn(read(given['input'])) : {}
  for (const { argument, attribute, fromFile } of flags) {
    const value = given[attribute]
    if (value === undefined) continue
    if (argument in whole) throw invalid(`${argument} is given as a flag and in --input.`)
    whole[argument] = fromFile ? read(String(value)).replace(/\r?\n$/, '') : value
  }
  return whole
}

/** What a file holds, or for `-` the standard input; refuses what cannot be read. */
export function contentOf(
  place: string,
  readStdin: () => string = () => readFileSync(0, 'utf8'),
): string {
  try {
    return place === '-' ? readStdin() : readFileSync(place, 'utf8')
  } catch (error) {
    const code = String((error as { code?: unknown }).code)
    throw invalid(`${place === '-' ? 'The standard input' : place} cannot be read (${code}).`)
  }
}

function objectIn(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('--input must hold JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw invalid('--input must hold one JSON object.')
}

const invalid = (message: string): Refusal => new Refusal('invalid_request', { message })
