// The published keys of a Remit (RFC 7517), read as strictly as its tokens: a key of tokens verifies nothing
// but tokens, one of the deny-list nothing but that, and none may be both.

import { readKeyMembers, thumbprintOf } from '../crypto/jwk.ts'
import { loadVerifier, verifiersByHeader } from '../crypto/signing-key.ts'
import type { SigningPublicJwk, TokenType, Verifier } from '../crypto/signing-key.ts'

export interface KeySet {
  /** By the header segment that each key signs under. */
  readonly tokens: ReadonlyMap<string, Verifier>
  readonly lists: ReadonlyMap<string, Verifier>
  readonly kids: ReadonlySet<string>
}

const mostKeys = 64
export const maxKeySetLength = 256 * 1024

/** The keys, or `undefined` where the text is no key set that a Remit would publish. */
export function readKeySet(untrusted: string): KeySet | undefined {
  const set = parse(untrusted)
  if (set === undefined) return undefined
  const tokens = loadAll(set['keys'], 'at+jwt')
  const lists = loadAll(set['deny_list_keys'], 'remit-deny-list+jwt')
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

function loadAll(untrusted: unknown, typ: TokenType): Verifier[] | undefined {
  if (!Array.isArray(untrusted) || untrusted.length > mostKeys) return undefined
  const keys = untrusted.map((key) => load(key, typ))
  return keys.every((key) => key !== undefined) ? keys : undefined
}

/** One key; the algorithm is what the key itself says it is for, never what a token says. */
function load(untrusted: unknown, typ: TokenType): Verifier | undefined {
  if (!isRecord(untrusted) || untrusted['use'] !== 'sig' || 'd' in untrusted) return undefined
  const { kid } = untrusted
  const jwk = readKeyMembers(untrusted)
  if (typeof kid !== 'string' || kid === '' || typeof jwk === 'string') return undefined
  const alg = jwk.kty === 'OKP' ? 'EdDSA' : jwk.kty === 'EC' && jwk.crv === 'P-256' ? 'ES256' : ''
  if (alg === '' || untrusted['alg'] !== alg) return undefined
  try {
    return loadVerifier({ kid, alg, typ, publicJwk: jwk as SigningPublicJwk })
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
