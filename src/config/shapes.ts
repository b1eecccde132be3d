// The shapes that settings have in the environment. Each fault completes a sentence that begins with the
// variable's name; a value is never repeated, since it may be a secret in the wrong place.

import * as z from 'zod'
import { parseScopes } from '../core/scope.ts'

export const kinds = ['handle', 'meta', 'file', 'handoff', 'sealed', 'inline'] as const
export const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const unexpanded = /\$\{[^}]*\}/
export const text = z
  .string()
  .min(1, 'is set but empty; unset it or give it a value')
  .max(4096, 'is too long')
  .refine((value) => !unexpanded.test(value), 'holds a ${…} that nothing expanded')
  .refine((value) => !value.includes('\0'), 'holds a null character')

export const count = (most: number) =>
  text
    .refine((value) => /^\d{1,9}$/.test(value), 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, `must be from 1 to ${most}`)

export const port = text
  .refine((value) => /^\d{1,5}$/.test(value), 'must be a port')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port')

export const choice = <T extends string>(...choices: readonly T[]) =>
  text.refine((value): value is T => choices.some((one) => one === value), {
    error: `must be one of: ${choices.join(', ')}`,
  })

export const scopes = text.transform((value, check) => {
  const parsed = parseScopes(value)
  if (parsed !== undefined && parsed.length > 0) return parsed
  check.issues.push({
    code: 'custom',
    input: value,
    message: 'must be scopes separated by spaces, such as documents/reports/**:read',
  })
  return z.NEVER
})

/** Separated by spaces or commas. */
export const list = (isOne: (value: string) => boolean, what: string) =>
  text
    .transform((value) => value.split(/[\s,]+/).filter((each) => each !== ''))
    .refine((each) => each.length > 0 && each.every(isOne), `must list ${what}`)

export const delivery = text
  .transform((value) => value.split(/[\s,]+/).filter((kind) => kind !== ''))
  .pipe(
    z
      .array(z.enum(kinds, { error: `must list some of: ${kinds.join(', ')}` }))
      .min(1, `must list some of: ${kinds.join(', ')}`),
  )

export const isDatabaseUrl = (value: string): boolean =>
  /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)

export const databaseUrl = text.refine(isDatabaseUrl, 'must begin with postgres://')

/** Whether a URL holds one, in either place that the driver takes it from. */
export const holdsPassword = (url: string): boolean => {
  const { password, searchParams } = new URL(url)
  return password !== '' || searchParams.has('password')
}

export const issuer = text.refine(isIssuer, 'must be an https:// or http:// address, or a urn')

function isIssuer(value: string): boolean {
  if (/^urn:[a-z0-9][a-z0-9-]{1,31}:[\w.:/-]+$/.test(value)) return true
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false
  const { username, password, search, hash } = new URL(value)
  return username === '' && password === '' && search === '' && hash === '' && !/[?#]$/.test(value)
}
