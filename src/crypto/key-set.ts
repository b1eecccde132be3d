// Several public keys of one owner (RFC 7517 §5), and one in PEM (RFC 7468 §13). Of a set either all keys
// are taken or none: which one a token means must not depend on which were dropped.

import { createPublicKey } from 'node:crypto'

import { checkPublicJwk } from './public-key.ts'
import type { PublicKey, PublicKeyFlaw, PublicKeyResult } from './public-key.ts'

export type KeySetFlaw =
  | PublicKeyFlaw
  | 'not_a_key_set'
  | 'too_many_keys'
  | 'kid_missing'
  | 'duplicate_kid'
  | 'duplicate_key'

export type KeySetResult =
  | { readonly ok: true; readonly keys: readonly PublicKey[] }
  | { readonly ok: false; readonly reason: KeySetFlaw }

const mostKeys = 10

/** All keys of a JWKS, each with a `kid` of its own where there are several. */
export function checkPublicJwks(untrusted: unknown): KeySetResult {
  const listed: unknown = isObject(untrusted) ? untrusted['keys'] : undefined
  if (!Array.isArray(listed) || listed.length === 0) return refused('not_a_key_set')
  if (listed.length > mostKeys) return refused('too_many_keys')
  const keys: PublicKey[] = []
  for (const each of listed as readonly unknown[]) {
    const checked = checkPublicJwk(each)
    if (!checked.ok) return checked
    keys.push(checked.key)
  }
  if (keys.length > 1 && keys.some(({ kid }) => kid === undefined)) return refused('kid_missing')
  // A `kid` may be a thumbprint too: nothing that names one key may name another.
  const names = keys.flatMap(({ kid, thumbprint }) => [
    ...new Set([thumbprint, ...(kid === undefined ? [] : [kid])]),
  ])
  if (new Set(keys.map(({ thumbprint }) => thumbprint)).size < keys.length) {
    return refused('duplicate_key')
  }
  return new Set(names).size < names.length ? refused('duplicate_kid') : { ok: true, keys }
}

/** The key of one SPKI block in PEM; RSA means RS256, since PEM says no algorithm. */
export function checkPublicPem(untrusted: string): PublicKeyResult {
  if (/PRIVATE KEY/.test(untrusted)) return { ok: false, reason: 'private_members' }
  if (!spki.test(untrusted)) return { ok: false, reason: 'not_an_object' }
  try {
    return checkPublicJwk(
      createPublicKey({ key: untrusted, format: 'pem' }).export({ format: 'jwk' }),
    )
  } catch {
    return { ok: false, reason: 'unsupported_key_type' }
  }
}

const spki =
  /^\s*-----BEGIN PUBLIC KEY-----\r?\n(?:[A-Za-z0-9+/]{1,76}={0,2}\r?\n)+-----END PUBLIC KEY-----\s*$/

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const refused = (reason: KeySetFlaw): KeySetResult => ({ ok: false, reason })
