// Reads an export line by line into a store of its own, and tells whether its last line was signed over
// exactly these lines. Nothing in it is believed here but its form.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Refusal } from '../core/refusal.ts'
import { auditTables } from '../store/audit-rows.ts'
import type { AuditRowKind } from '../store/audit-rows.ts'
import type { Row } from '../store/store.ts'

/** What an export says of itself. */
export interface ExportHeader {
  readonly store_id: string
  readonly issuer: string
}

export interface ExportedKey {
  readonly kid: string
  readonly alg: 'EdDSA' | 'ES256'
  readonly public_jwk: object
  readonly status: string
}

export interface ExportRead {
  readonly header: ExportHeader
  readonly keys: readonly ExportedKey[]
  /** SHA-256 of all lines before the last. */
  readonly digest: string
  readonly events: number
  /** The signed statement of the last line; absent where that was cut off. */
  readonly signed?: string
}

/** Gives each row of the audit to `take`; refuses what is not an export, naming the line. */
export async function readExport(
  path: string,
  take: (kind: AuditRowKind, row: Row) => void,
): Promise<ExportRead> {
  const digest = createHash('sha256')
  const keys: ExportedKey[] = []
  let header: ExportHeader | undefined
  let signed: string | undefined
  let events = 0
  let number = 0
  const input = createReadStream(path, 'utf8')
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1
      const { type, ...fields } = parse(line, number)
      if (signed !== undefined || (header === undefined) !== (type === 'export')) throw odd(number)
      if (type === 'end') {
        signed = String(fields['signed'])
        continue
      }
      digest.update(`${line}\n`)
      if (type === 'export') header = fields as unknown as ExportHeader
      else if (type === 'key') keys.push(fields as unknown as ExportedKey)
      else if (isKind(type)) take(type, plain(fields, number))
      else throw odd(number)
      if (type === 'event') events += 1
    }
  } catch (error) {
    throw notRead(path, error)
  }
  if (header === undefined) throw odd(1)
  return {
    header,
    keys,
    digest: digest.digest('base64url'),
    events,
    ...(signed !== undefined && { signed }),
  }
}

const isKind = (type: unknown): type is AuditRowKind =>
  typeof type === 'string' && Object.hasOwn(auditTables, type)

function parse(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Said below, with the line.
  }
  throw odd(number)
}

function plain(fields: Readonly<Record<string, unknown>>, number: number): Row {
  const isPlain = Object.values(fields).every(
    (value) => value === null || typeof value === 'string' || Number.isSafeInteger(value),
  )
  if (!isPlain) throw odd(number)
  return fields as Row
}

const odd = (number: number): Refusal =>
  new Refusal('invalid_request', { message: `Line ${number} is not one of an export.` })

function notRead(path: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (error instanceof Refusal || typeof code !== 'string') return error
  return new Refusal('not_found', { message: `${path} cannot be read (${code}).`, cause: error })
}
