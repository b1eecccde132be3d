// Results for people: fields as `name: value` lines, lists of records as tables, times as dates. Nothing
// is left out; whoever wants exactly what was answered asks for --json.

type Fields = Readonly<Record<string, unknown>>

/** The text of one result. */
export function render(result: Fields): string {
  if (typeof result['text'] === 'string' && Array.isArray(result['nodes'])) {
    return result['text'].trimEnd()
  }
  return lines(result, '').join('\n')
}

function lines(fields: Fields, indent: string): string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => field(name, value, indent))
}

function field(name: string, value: unknown, indent: string): string[] {
  if (isRecords(value)) {
    return [`${indent}${name}:`, ...table(value).map((row) => `${indent}  ${row}`)]
  }
  if (isFields(value)) return [`${indent}${name}:`, ...lines(value, `${indent}  `)]
  return [`${indent}${name}: ${cell(name, value)}`]
}

function table(records: readonly Fields[]): string[] {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const rows = records.map((record) => names.map((name) => cell(name, record[name])))
  const widths = names.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)),
  )
  return [names, ...rows].map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function cell(name: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' && isTime(name)) return new Date(value * 1000).toISOString()
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(element).join(', ')
  return isFields(value) ? JSON.stringify(value) : String(value)
}

const element = (value: unknown): string =>
  typeof value === 'string' ? printable(value) : JSON.stringify(value)

const isTime = (name: string): boolean =>
  name.endsWith('_at') || ['at', 'iat', 'exp'].includes(name)

/** Free text was written by somebody else: it must not steer the terminal. */
const printable = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isRecords = (value: unknown): value is readonly Fields[] =>
  Array.isArray(value) && value.length > 0 && value.every(isFields)
