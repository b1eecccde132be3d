// What a signed request must cover and say to count (RFC 9421 §3.2.1, §7.2): all that makes it this request,
// its body, when it was made, and a nonce by which it is known again.

import { agree, digestsOf, readDigests } from '../crypto/content-digest.ts'
import { addressOf, fieldValue } from '../crypto/http-message.ts'
import type { HttpRequest } from '../crypto/http-message.ts'
import { identifierOf } from '../crypto/http-signature.ts'
import type { HttpSignature } from '../crypto/http-signature.ts'
import type { RequestAsked } from './verify-request.ts'

/** For how long a request counts after it was signed; its nonce is remembered as long. */
export const maxRequestAge = 300
const tolerance = 60

/** The first flaw, by a fixed name; `undefined` where the request is as it must be. */
export function flawOfRequest(
  request: HttpRequest,
  signature: HttpSignature,
  asked: RequestAsked,
  now: number,
): string | undefined {
  return (
    flawOfTime(signature, now) ??
    flawOfCover(request, signature, asked) ??
    flawOfBody(request, asked) ??
    (asked.tag !== undefined && asked.tag !== signature.tag ? 'wrong_tag' : undefined)
  )
}

function flawOfTime({ created, expires, nonce, keyid }: HttpSignature, now: number) {
  if (keyid === undefined) return 'no_keyid'
  if (nonce === undefined || nonce.length < 8 || nonce.length > 256) return 'no_nonce'
  if (created === undefined) return 'no_created'
  if (created > now + tolerance) return 'created_in_future'
  if (created <= now - maxRequestAge) return 'too_old'
  return expires !== undefined && expires <= now ? 'expired' : undefined
}

function flawOfCover(
  request: HttpRequest,
  { components }: HttpSignature,
  asked: RequestAsked,
): string | undefined {
  const covered = new Set(components.map(identifierOf))
  const has = (name: string) => covered.has(identifierOf({ name }))
  if (!has('@method')) return 'method_not_covered'
  const hasQuery = (addressOf(request.url)?.search ?? '') !== ''
  const isTarget =
    has('@target-uri') || (has('@authority') && has('@path') && (has('@query') || !hasQuery))
  if (!isTarget) return 'target_not_covered'
  if (hasBody(asked) && !has('content-digest')) return 'body_not_covered'
  return asked.components?.every(has) === false ? 'component_not_covered' : undefined
}

/** An empty body needs no digest; one that is not told at all must not be there. */
const hasBody = ({ body, body_digest }: RequestAsked): boolean =>
  body_digest !== undefined || (body !== undefined && body !== '')

function flawOfBody(request: HttpRequest, asked: RequestAsked): string | undefined {
  const field = fieldValue(request, 'content-digest')
  if (asked.body !== undefined && asked.body_digest !== undefined) return 'body_told_twice'
  if (asked.body === undefined && asked.body_digest === undefined) {
    const length = fieldValue(request, 'content-length') ?? '0'
    const says = field !== undefined || length !== '0'
    return says || fieldValue(request, 'transfer-encoding') !== undefined
      ? 'body_not_told'
      : undefined
  }
  if (field === undefined) return undefined
  const stated = readDigests(field)
  const found =
    asked.body_digest === undefined ? digestsOf(asked.body ?? '') : readDigests(asked.body_digest)
  if (stated === undefined || found === undefined) return 'malformed_digest'
  return agree(stated, found) ? undefined : 'digest_mismatch'
}
