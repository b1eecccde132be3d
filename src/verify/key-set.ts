// The published keys of a Remit (RFC 7517), read as strictly as its tokens: a key of tokens verifies nothing
// but tokens, one of the deny-list nothing but that, and none may be both.

import { thumbprintOf } from '../crypto/jwk.ts'
import { publishedVerifiers } from '../crypto/published-keys.ts'
import { verifiersByHeader } from '../crypto/signing-key.ts'
import type { Verifier } from '../crypto/signing-key.ts'

export interface KeySet {
  /** By the header segment that each key signs under. */
  readonly tokens: ReadonlyMap<string, Verifier>
  readonly lists: ReadonlyMap<string, Verifier>
  readonly kids: ReadonlySet<string>
}

export const maxKeySetLength = 256 * 1024

/** The keys, or `undefined` where the text is no key set that a Remit would publish. */
export function readKeySet(untrusted: string): KeySet | undefined {
  const set = parse(untrusted)
  if (set === undefined) return undefined
  const tokens = publishedVerifiers(set['keys'], 'at+jwt')
  const lists = publishedVerifiers(set['deny_list_keys'], 'remit-deny-list+jwt')
  if (tokens === undefined || lists === undefined || tokens.length === 0) return undefined
  const all = [...tokens, ...lists]
  const isDistinct = (name: (key: Verifier) => string) => new Set(all.map(name)).size === all.length
  if (!isDistinct((key) => key.kid) || !isDistinct((key) => thumbprintOf(key.publicJwk))) {
    return undefined
  }
  return {
    tokens: verifiersByHeader(tokens),
    lists: verifiersByHeader(lists),
    kids: new Set(tokens.map((key) => key.kid)),
  }
}

function parse(untrusted: string): Readonly<Record<string, unknown>> | undefined {
  if (untrusted.length > maxKeySetLength) return undefined
  try {
    const set: unknown = JSON.parse(untrusted)
    return isRecord(set) ? set : undefined
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
