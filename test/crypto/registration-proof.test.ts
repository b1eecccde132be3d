import { generateKeyPairSync } from 'node:crypto'

import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'

import { checkPublicJwk } from '../../src/crypto/public-key.ts'
import {
  generateRegistrationKey,
  maxProofAgeSeconds,
  signRegistrationProof,
  verifyRegistrationProof,
} from '../../src/crypto/registration-proof.ts'

const { publicJwk, privateJwk } = generateRegistrationKey()
const now = 1_000_000
const presented = {
  privateJwk,
  serverName: 'github',
  credentialId: 'reg_1',
  audience: 'urn:remit:x',
  now,
  jti: 'once',
}
const expected = { publicJwk, audience: 'urn:remit:x', now }
const proof = signRegistrationProof(presented)
const checked = checkPublicJwk(publicJwk)

describe('a registration proof', () => {
  it('says which server and which credential it is for', async () => {
    expect(await verifyRegistrationProof(proof, expected)).toEqual({
      ok: true,
      serverName: 'github',
      credentialId: 'reg_1',
      jti: 'once',
      iat: now,
      thumbprint: checked.ok && checked.key.thumbprint,
      freshUntil: now + maxProofAgeSeconds,
    })
  })

  it('is a JWT that jose reads alike', async () => {
    const key = checked.ok && checked.key.key
    if (!key) throw new Error('unsound key')
    const read = await jwtVerify(proof, key, {
      typ: 'remit-registration+jwt',
      audience: 'urn:remit:x',
    })
    expect(read.payload).toEqual({
      iss: 'github',
      sub: 'reg_1',
      aud: 'urn:remit:x',
      iat: now,
      jti: 'once',
    })
    expect(decodeProtectedHeader(proof)).toEqual({ alg: 'EdDSA', typ: 'remit-registration+jwt' })
  })

  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signedBy = (alg: string, key: typeof p256.privateKey, more: object = {}, typ?: string) =>
    new SignJWT({ iss: 'github', sub: 'reg_1', aud: 'urn:remit:x', iat: now, jti: 'once', ...more })
      .setProtectedHeader({ alg, typ: typ ?? 'remit-registration+jwt' })
      .sign(key)

  it('may be made with a P-256 key', async () => {
    const theirs = { ...expected, publicJwk: p256.publicKey.export({ format: 'jwk' }) }
    expect(
      await verifyRegistrationProof(await signedBy('ES256', p256.privateKey), theirs),
    ).toMatchObject({ ok: true, serverName: 'github' })
  })

  it('may not be made with an RSA key', async () => {
    const theirs = { ...expected, publicJwk: rsa.publicKey.export({ format: 'jwk' }) }
    expect(await verifyRegistrationProof(await signedBy('RS256', rsa.privateKey), theirs)).toEqual({
      ok: false,
      reason: 'unsupported_algorithm',
    })
  })

  it.each<[string, string, object]>([
    ['wrong_signature', 'another key', { publicJwk: generateRegistrationKey().publicJwk }],
    ['private_members', 'a private key for a public one', { publicJwk: privateJwk }],
    ['not_an_object', 'no key', { publicJwk: undefined }],
    ['wrong_audience', 'another audience', { audience: 'urn:remit:y' }],
    ['too_old', 'more than five minutes later', { now: now + 301 }],
    ['issued_in_future', 'more than a minute earlier', { now: now - 61 }],
  ])('is refused as %s: %s', async (reason, _, changed) => {
    expect(await verifyRegistrationProof(proof, { ...expected, ...changed })).toEqual({
      ok: false,
      reason,
    })
  })

  it.each([now + 300, now - 60])('is still taken at %i', async (at) => {
    expect(await verifyRegistrationProof(proof, { ...expected, now: at })).toMatchObject({
      ok: true,
    })
  })

  it.each<[string, string, object, string?]>([
    ['wrong_typ', 'an access token', {}, 'at+jwt'],
    ['wrong_typ', 'a plain JWT', {}, 'JWT'],
    ['wrong_issuer', 'no server name', { iss: undefined }],
    ['wrong_subject', 'no credential', { sub: undefined }],
    ['wrong_audience', 'many audiences', { aud: ['urn:remit:x'] }],
    ['malformed_jti', 'no jti', { jti: undefined }],
    ['malformed_time', 'no iat', { iat: undefined }],
    ['expired', 'its own end has come', { exp: now }],
  ])('is refused as %s even when truly signed: %s', async (reason, _, more, typ) => {
    const theirs = { ...expected, publicJwk: p256.publicKey.export({ format: 'jwk' }) }
    const token = await signedBy('ES256', p256.privateKey, more, typ)
    expect(await verifyRegistrationProof(token, theirs)).toEqual({ ok: false, reason })
  })

  it('is not signed with a key that is not Ed25519', () => {
    const jwk = p256.privateKey.export({ format: 'jwk' })
    expect(() => signRegistrationProof({ ...presented, privateJwk: jwk as never })).toThrow(
      'A server key is an Ed25519 key.',
    )
  })
})
