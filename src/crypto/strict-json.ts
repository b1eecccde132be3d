// JSON as strangers send it, read so that nobody else can have read it differently: valid UTF-8, no
// byte order mark, no member named twice (RFC 7515 §4 wants this of headers; we want it of claims too).

export type StrictJsonResult =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | {
      readonly ok: false
      readonly reason: 'not_utf8' | 'not_json' | 'not_an_object' | 'duplicate_member' | 'too_deep'
    }

const maxDepth = 32

/** Reads one JSON object; anything that two parsers might understand differently is refused. */
export function parseStrictJson(untrusted: Buffer): StrictJsonResult {
  let text: string
  let value: unknown
  try {
    text = utf8.decode(untrusted)
  } catch {
    return { ok: false, reason: 'not_utf8' }
  }
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'not_json' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, reason: 'not_an_object' }
  }
  const kept = countMembers(value, maxDepth)
  if (kept === undefined) return { ok: false, reason: 'too_deep' }
  // Outside strings every colon belongs to one member; a parser that met one twice kept fewer.
  const written = text.replace(strings, '').split(':').length - 1
  if (written !== kept) return { ok: false, reason: 'duplicate_member' }
  return { ok: true, value: value as Record<string, unknown> }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const strings = /"[^"\\]*(?:\\.[^"\\]*)*"/g

/** All members of all objects in a value, or `undefined` where it is nested too deep. */
function countMembers(value: unknown, levelsLeft: number): number | undefined {
  if (typeof value !== 'object' || value === null) return 0
  if (levelsLeft === 0) return undefined
  const inner: unknown[] = Object.values(value)
  let count = Array.isArray(value) ? 0 : inner.length
  for (const each of inner) {
    const below = countMembers(each, levelsLeft - 1)
    if (below === undefined) return undefined
    count += below
  }
  return count
}
