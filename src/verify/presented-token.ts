// Where a request carries its token: in `_meta`, set by the harness, or over HTTP in the Authorization header.
// Exactly one of them; one that is there but cannot be used is refused, never skipped (authority: rule 8).

import type { Reason } from './reasons.ts'

const tokenKey = 'dev.remit/token'
const proofKey = 'dev.remit/proof'

export type PresentedToken =
  | { readonly ok: true; readonly token: string; readonly proof?: unknown }
  | { readonly ok: false; readonly reason: Extract<Reason, `${string}_presented`> }

type Bag = Readonly<Record<string, unknown>>

/** `extra` is what either SDK says of the HTTP request that a message came by. */
export function presentedToken(meta: Bag, extra: unknown): PresentedToken {
  const inHeader = authorizationOf(extra)
  const inMeta = meta[tokenKey]
  const hasMeta = Object.hasOwn(meta, tokenKey)
  if (hasMeta && inHeader !== undefined) return { ok: false, reason: 'two_presented' }
  if (!hasMeta && inHeader === undefined) return { ok: false, reason: 'nothing_presented' }
  const token = hasMeta ? inMeta : bearerOf(inHeader)
  const hasProof = Object.hasOwn(meta, proofKey)
  // The scheme promises a proof (RFC 9449 §7.1).
  const lacksProof = !hasMeta && !hasProof && /^dpop /i.test(String(inHeader))
  if (typeof token !== 'string' || token === '' || lacksProof) {
    return { ok: false, reason: 'unusable_presented' }
  }
  return { ok: true, token, ...(hasProof && { proof: meta[proofKey] }) }
}

/** The value after the scheme (RFC 6750 §2.1, RFC 9449 §7.1). */
const bearerOf = (header: unknown): string | undefined =>
  typeof header === 'string'
    ? /^(?:bearer|dpop) ([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1]
    : undefined

function authorizationOf(extra: unknown): unknown {
  const { requestInfo, request, authInfo } = bag(extra)
  const { headers } = bag(requestInfo ?? request)
  const inHeader =
    headers instanceof Headers
      ? (headers.get('authorization') ?? undefined)
      : Object.entries(bag(headers)).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  if (inHeader !== undefined) return inHeader
  const { token } = bag(authInfo)
  return typeof token === 'string' ? `Bearer ${token}` : token
}

const bag = (value: unknown): Bag =>
  typeof value === 'object' && value !== null ? (value as Bag) : {}

/** The metadata without what proves the caller: no tool needs it, and none should log it. */
export function withoutProofs(meta: Bag): Bag {
  const { [tokenKey]: _, [proofKey]: __, ...rest } = meta
  return rest
}
