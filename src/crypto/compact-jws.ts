// Reads the outside of somebody else's token (RFC 7515 §7.1) before any library sees it: one spelling
// of every segment, a header that says what it is and nothing more. Nothing here is verified yet.

import { decodeBase64url } from './base64url.ts'
import { parseStrictJson } from './strict-json.ts'
import type { StrictJsonResult } from './strict-json.ts'

/** Enough for any assertion or proof; theirs carry no lineage. */
const maxForeignJwtLength = 8 * 1024

export interface ForeignHeader {
  readonly alg: string
  readonly typ?: string
  readonly kid?: string
  /** Only where the reader asked for it: a proof brings its key, which is then compared with a record. */
  readonly jwk?: Readonly<Record<string, unknown>>
}

type JsonFlaw = Extract<StrictJsonResult, { ok: false }>['reason']

export type CompactFlaw =
  | 'too_long'
  | 'not_three_segments'
  | 'not_base64url'
  | `header_${JsonFlaw}`
  | 'header_member_not_allowed'
  | 'header_member_malformed'

export type CompactJws =
  | {
      readonly ok: true
      readonly header: ForeignHeader
      readonly payload: Buffer
    }
  | { readonly ok: false; readonly reason: CompactFlaw }

/**
 * Header and payload of a strictly spelled compact JWS, still untrusted. Its header says `alg`, `typ` and
 * `kid` at most, or, where `kind` is a proof, brings its key (RFC 9449 §4.2).
 */
export function readCompactJws(untrusted: string, kind: 'token' | 'proof' = 'token'): CompactJws {
  if (untrusted.length > maxForeignJwtLength) return { ok: false, reason: 'too_long' }
  const segments = untrusted.split('.')
  if (segments.length !== 3) return { ok: false, reason: 'not_three_segments' }
  const [headerBytes, payload, signature] = segments.map(decodeBase64url)
  if (headerBytes === undefined || payload === undefined || signature === undefined) {
    return { ok: false, reason: 'not_base64url' }
  }
  const header = parseStrictJson(headerBytes)
  if (!header.ok) return { ok: false, reason: `header_${header.reason}` }
  // `crit`, `b64`, `jwk`, `jku`, `x5c` and the like would let a token say how to believe it.
  if (!Object.keys(header.value).every((name) => allowed[kind].has(name))) {
    return { ok: false, reason: 'header_member_not_allowed' }
  }
  const { alg, typ, kid, jwk } = header.value
  if (typeof alg !== 'string' || !isOptionalText(typ) || !isOptionalText(kid) || !isKey(jwk)) {
    return { ok: false, reason: 'header_member_malformed' }
  }
  return {
    ok: true,
    header: { alg, ...(typ && { typ }), ...(kid && { kid }), ...(jwk && { jwk }) },
    payload,
  }
}

const allowed: Readonly<Record<'token' | 'proof', ReadonlySet<string>>> = {
  token: new Set(['alg', 'typ', 'kid']),
  proof: new Set(['alg', 'typ', 'jwk']),
}

const isKey = (value: unknown): value is Readonly<Record<string, unknown>> | undefined =>
  value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === 'string' && value !== '' && value.length <= 256)
