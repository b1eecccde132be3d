// Tokens of our own (RFC 7515 compact), stricter than any general library: each token has exactly one
// spelling, the one we gave it. The header segment is never parsed but looked up among our own keys'
// headers, so there is no algorithm to confuse. Synchronous, because it is on the path of every call.

import { sign, verify } from 'node:crypto'

import { Refusal } from '../core/refusal.ts'
import { hasLowS, toLowS } from './low-s.ts'
import type { Signer, Verifier } from './signing-key.ts'

/** Room for 16 ancestors and 128 scopes of ordinary length; nothing longer is minted or looked at. */
export const maxOwnJwtLength = 32 * 1024

export type OwnJwtResult =
  | {
      readonly ok: true
      readonly claims: Readonly<Record<string, unknown>>
      readonly kid: string
    }
  | {
      readonly ok: false
      readonly reason:
        | 'too_long'
        | 'not_three_segments'
        | 'unknown_header'
        | 'malformed_signature'
        | 'wrong_signature'
        | 'not_our_spelling'
    }

/**
 * Signs claims under the signer's header; throws `Refusal` when the token would be too long. What is no
 * token, such as a deny-list, has a limit of its own.
 */
export function signOwnJwt(signer: Signer, claims: object, maxLength = maxOwnJwtLength): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  const signingInput = `${signer.header}.${payload}`
  const token = `${signingInput}.${signBytes(signer, signingInput).toString('base64url')}`
  if (token.length > maxLength) {
    throw new Refusal('invalid_request', { message: 'The scopes are too long for one token.' })
  }
  return token
}

/**
 * The claims of a token that one of these verifiers' keys signed, exactly as it was signed. Says only
 * that the token is authentic: time, audience and liveness are still to be checked.
 */
export function verifyOwnJwt(
  untrusted: string,
  verifiers: ReadonlyMap<string, Verifier>,
  maxLength = maxOwnJwtLength,
): OwnJwtResult {
  if (untrusted.length > maxLength) return refused('too_long')
  const afterHeader = untrusted.indexOf('.')
  const afterPayload = untrusted.lastIndexOf('.')
  if (afterHeader === afterPayload || untrusted.indexOf('.', afterHeader + 1) !== afterPayload) {
    return refused('not_three_segments')
  }
  const verifier = verifiers.get(untrusted.slice(0, afterHeader))
  if (verifier === undefined) return refused('unknown_header')

  const signatureSegment = untrusted.slice(afterPayload + 1)
  const signature = Buffer.from(signatureSegment, 'base64url')
  if (signature.length !== 64 || signature.toString('base64url') !== signatureSegment) {
    return refused('malformed_signature')
  }
  if (!verifyBytes(verifier, untrusted.slice(0, afterPayload), signature)) {
    return refused('wrong_signature')
  }
  const payloadSegment = untrusted.slice(afterHeader + 1, afterPayload)
  const claims = readOurSpelling(payloadSegment)
  return claims === undefined
    ? refused('not_our_spelling')
    : { ok: true, claims, kid: verifier.kid }
}

/**
 * The payload, if writing it again gives the same segment: one comparison that excludes a foreign
 * alphabet, stray bits, whitespace, duplicate members and broken UTF-8 alike.
 */
function readOurSpelling(segment: string): Record<string, unknown> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString())
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
    const again = Buffer.from(JSON.stringify(claims)).toString('base64url')
    return again === segment ? (claims as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** RFC 8037 §3.1 and RFC 7518 §3.4: 64 bytes either way. */
function signBytes({ alg, key }: Signer, signingInput: string): Buffer {
  // Latin-1 because a segment is ASCII, and that is the cheapest way to its bytes.
  const bytes = Buffer.from(signingInput, 'latin1')
  if (alg === 'EdDSA') return sign(null, bytes, key)
  return toLowS(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }))
}

function verifyBytes({ alg, key }: Verifier, signingInput: string, signature: Buffer): boolean {
  const bytes = Buffer.from(signingInput, 'latin1')
  if (alg === 'EdDSA') return verify(null, bytes, key, signature)
  return (
    hasLowS(signature) && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)
  )
}

const refused = <R extends string>(reason: R) => ({ ok: false, reason }) as const
