// What a JWK says beside the members that make its key (RFC 7517 §4.2–4.5, §9.2): that it is public, what
// it is for, and what it is called. Absent members say nothing; present ones must fit.

export type Members = Readonly<Record<string, unknown>>

export type PurposeFlaw =
  | 'not_an_object'
  | 'private_members'
  | 'symmetric_key'
  | 'malformed_kid'
  | 'use_does_not_fit'
  | 'key_ops_do_not_fit'

export interface Purpose {
  readonly use: 'sig' | 'enc'
  /** The whole lists of operations that a public key of this purpose may state. */
  readonly keyOps: readonly string[]
}

/**
 * A copy without prototype, so that what is checked is what is used and only own members count; or the
 * first flaw.
 */
export function membersFor(untrusted: unknown, { use, keyOps }: Purpose): Members | PurposeFlaw {
  if (typeof untrusted !== 'object' || untrusted === null || Array.isArray(untrusted)) {
    return 'not_an_object'
  }
  const members: Members = { __proto__: null, ...untrusted }
  if (members['kty'] === 'oct') return 'symmetric_key'
  if (privateMembers.some((name) => name in members)) return 'private_members'
  const { use: stated, key_ops: ops, kid } = members
  if (stated !== undefined && stated !== use) return 'use_does_not_fit'
  if (ops !== undefined && !(Array.isArray(ops) && keyOps.includes(ops.join(' ')))) {
    return 'key_ops_do_not_fit'
  }
  const isNamed = typeof kid === 'string' && /^[\x21-\x7e]{1,128}$/.test(kid)
  return kid === undefined || isNamed ? members : 'malformed_kid'
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
