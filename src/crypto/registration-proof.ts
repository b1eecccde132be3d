// How an MCP server shows that it holds the key it registers or registered with (authority: 27): a JWT
// by that key, naming the server, the registration credential and us. It is good for minutes and once;
// remembering its `jti` is the caller's part.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto'

import { readCompactJws } from './compact-jws.ts'
import { verifyForeignJwt } from './foreign-jwt.ts'
import type { JwtFlaw } from './foreign-jwt.ts'
import type { OkpPublicJwk } from './jwk.ts'
import { signOwnJwt } from './own-jwt.ts'
import { checkPublicJwk } from './public-key.ts'
import type { PublicKeyFlaw } from './public-key.ts'
import { encodeHeader } from './signing-key.ts'
import { parseStrictJson } from './strict-json.ts'

const typ = 'remit-registration+jwt'

/** A proof is taken until it is this old. */
export const maxProofAgeSeconds = 300

export type OkpPrivateJwk = OkpPublicJwk & { readonly d: string }

/** A new key for a server, as JWKs; `privateJwk` is kept by the server and nowhere else. */
export function generateRegistrationKey(): {
  readonly publicJwk: OkpPublicJwk
  readonly privateJwk: OkpPrivateJwk
} {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    publicJwk: publicKey.export({ format: 'jwk' }) as unknown as OkpPublicJwk,
    privateJwk: privateKey.export({ format: 'jwk' }) as unknown as OkpPrivateJwk,
  }
}

/** Signs a proof for one presentation. Throws when the key is not an Ed25519 private key. */
export function signRegistrationProof(proof: {
  readonly privateJwk: OkpPrivateJwk
  readonly serverName: string
  readonly credentialId: string
  readonly audience: string
  readonly now: number
  readonly jti: string
}): string {
  const { privateJwk, serverName, credentialId, audience, now, jti } = proof
  const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('A server key is an Ed25519 key.')
  return signOwnJwt(
    { alg: 'EdDSA', key, header: encodeHeader({ alg: 'EdDSA', typ }) },
    { iss: serverName, sub: credentialId, aud: audience, iat: now, jti },
  )
}

export type RegistrationProofResult =
  | {
      readonly ok: true
      readonly serverName: string
      readonly credentialId: string
      readonly jti: string
      readonly iat: number
      readonly thumbprint: string
      /** Until when its `jti` has to be remembered. */
      readonly freshUntil: number
    }
  | { readonly ok: false; readonly reason: JwtFlaw | PublicKeyFlaw | 'unsupported_algorithm' }

/**
 * Verifies a proof by the key it is said to be by. Who it says it is from, and for which credential, is
 * returned for the caller to compare with the record.
 */
export async function verifyRegistrationProof(
  untrusted: string,
  expected: { readonly publicJwk: unknown; readonly audience: string; readonly now: number },
): Promise<RegistrationProofResult> {
  const checked = checkPublicJwk(expected.publicJwk)
  if (!checked.ok) return checked
  const { key } = checked
  if (key.alg !== 'EdDSA' && key.alg !== 'ES256') {
    return { ok: false, reason: 'unsupported_algorithm' }
  }
  const verified = await verifyForeignJwt(untrusted, [key], {
    typ: [typ],
    audience: expected.audience,
    now: expected.now,
    maxAgeSeconds: maxProofAgeSeconds,
    exp: 'optional',
  })
  if (!verified.ok) return { ok: false, reason: verified.reason }
  const { claims, freshUntil } = verified
  return {
    ok: true,
    serverName: claims.iss,
    credentialId: claims.sub,
    jti: claims.jti,
    iat: claims.iat,
    thumbprint: key.thumbprint,
    freshUntil,
  }
}

/** The registration credential that a proof says it is about; to be verified by that one's key only. */
export function credentialNamedIn(untrusted: string): string | undefined {
  const jws = readCompactJws(untrusted)
  const claims = jws.ok ? parseStrictJson(jws.payload) : jws
  const sub = claims.ok ? claims.value['sub'] : undefined
  return typeof sub === 'string' ? sub : undefined
}
