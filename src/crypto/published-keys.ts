// A list of our own public keys as others read it from us (RFC 7517): each for one type of token, with the
// one algorithm that it says itself.

import { readKeyMembers } from './jwk.ts'
import { loadVerifier } from './signing-key.ts'
import type { SigningPublicJwk, TokenType, Verifier } from './signing-key.ts'

const mostKeys = 64

/** All keys of a published list, for one type of token; `undefined` where any is not what we publish. */
export function publishedVerifiers(untrusted: unknown, typ: TokenType): Verifier[] | undefined {
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
