// Sealed delivery: what an orchestrator passes on in a prompt opens for its recipient alone, as it was sealed,
// and in time. jose plays the recipient where the point is that anyone's library can.

import { createPublicKey } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import {
  compactDecrypt,
  CompactEncrypt,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
} from 'jose'
import { describe, expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { openDelivery } from '../../src/sign/open-delivery.ts'
import type { Opening } from '../../src/sign/open-delivery.ts'
import type { Answer } from '../../src/operations/perform.ts'
import { lastEvent } from '../operations/asking.ts'
import { pair } from '../support/keys.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'
import { codeOf, enters } from './attack.ts'

type Kind = Parameters<typeof pair>[0]
const scopes = ['demo:read']

/** An agent that can be sealed to, and its private key. */
async function recipient(kind: Kind = 'x25519') {
  const w = await world()
  const agent = await w.addAgent('reader', 'demo:* tokens:delegate')
  const { publicJwk, privateJwk } = pair(kind)
  const asked = { agent: agent.id, kind: 'secret', encryption_jwk: publicJwk, delivery: 'meta' }
  await w.result(addCredential, asked)
  return { w, agent, privateJwk }
}

const jweOf = (answer: Answer): string => {
  if (!answer.ok) throw answer.refusal
  const { delivery } = answer.result as { delivery?: { kind: string; jwe?: string } }
  expect(delivery?.kind).toBe('sealed')
  expect(answer.meta).toBeUndefined()
  return String(delivery?.jwe)
}

async function opening(
  w: World,
  agent: Holder,
  privateJwk: JsonWebKey,
  jwe: string,
): Promise<Opening> {
  const jwks = await publicKeys(w.context)
  const base = { issuer: w.issuer, recipient: agent.id, jwks, now: w.now() }
  return { ...base, jwe, privateJwk: { ...privateJwk } }
}

const sealedToken = async (w: World, agent: Holder): Promise<string> =>
  jweOf(await w.call(delegateToken, { scopes, to: agent.name, delivery: 'sealed' }, w.local))

describe('a token sealed to its recipient', () => {
  test('opens with its key, whichever kind that is, and works', async () => {
    for (const kind of ['x25519', 'p256', 'p384', 'rsa'] as const) {
      const { w, agent, privateJwk } = await recipient(kind)
      const jwe = await sealedToken(w, agent)
      const opened = await openDelivery(await opening(w, agent, privateJwk, jwe))
      const presentedToken = (opened.ok && opened.token) || ''
      expect([kind, opened]).toEqual([kind, expect.objectContaining({ ok: true })])
      expect(await enters(w, { kind: 'token', presentedToken })).toBe('allowed')
    }
  })

  test('is plain JOSE, which any library opens and verifies', async () => {
    const { w, agent, privateJwk } = await recipient()
    const jwe = await sealedToken(w, agent)
    expect(decodeProtectedHeader(jwe)).toMatchObject({
      alg: 'ECDH-ES+A256KW',
      enc: 'A256GCM',
      typ: 'remit-sealed+jwe',
      cty: 'remit-delivery+jwt',
    })
    const key = await importJWK(privateJwk, 'ECDH-ES+A256KW')
    const { plaintext } = await compactDecrypt(jwe, key)
    const {
      delivery_keys: [jwk],
    } = await publicKeys(w.context)
    const verified = await compactVerify(plaintext, await importJWK(jwk ?? {}, 'EdDSA'))
    expect(verified.protectedHeader).toMatchObject({ typ: 'remit-delivery+jwt', kid: jwk?.kid })
    expect(JSON.parse(Buffer.from(verified.payload).toString())).toMatchObject({
      iss: w.issuer,
      aud: agent.id,
      sub: expect.stringMatching(/^grt_/),
      token: expect.stringMatching(/^ey/),
      exp: w.now() + 300,
    })
  })

  test('shows nobody else anything: not in the answer, the audit or the store', async () => {
    const { w, agent, privateJwk } = await recipient()
    const jwe = await sealedToken(w, agent)
    const opened = await openDelivery(await opening(w, agent, privateJwk, jwe))
    const token = (opened.ok && opened.token) || 'none'
    const kept = JSON.stringify([await w.tables(), await lastEvent(w), jwe])
    expect(token).toMatch(/^ey/)
    expect(kept).not.toContain(token)
  })

  test('does not open for anyone else, later, or in another form', async () => {
    const { w, agent, privateJwk } = await recipient()
    const other = pair('x25519')
    const jwe = await sealedToken(w, agent)
    const good = await opening(w, agent, privateJwk, jwe)
    const another = await recipient()
    const foreign = await sealedToken(another.w, another.agent)
    const parts = jwe.split('.')
    const header = (change: object) =>
      [encoded({ ...decodeProtectedHeader(jwe), ...change }), ...parts.slice(1)].join('.')
    const flipped = [...parts.slice(0, 3), flip(parts[3] ?? ''), parts[4]].join('.')
    const rows: readonly (readonly [Partial<Opening>, string])[] = [
      [{ privateJwk: { ...other.privateJwk } }, 'for_another_key'],
      [{ privateJwk: { ...other.publicJwk } }, 'not_a_private_key'],
      [{ privateJwk: { ...pair('ed25519').privateJwk } }, 'not_a_private_key'],
      [{ recipient: w.local.id }, 'for_another_recipient'],
      [{ issuer: 'urn:remit:another' }, 'not_signed_by_the_issuer'],
      [{ jwks: await publicKeys(another.w.context) }, 'not_signed_by_the_issuer'],
      [{ jwks: {} }, 'not_signed_by_the_issuer'],
      [{ now: w.now() + 300 }, 'expired'],
      [{ jwe: foreign }, 'for_another_key'],
      [{ jwe: `${jwe}.` }, 'malformed'],
      [{ jwe: 'x'.repeat(200_000) }, 'malformed'],
      [{ jwe: flipped }, 'does_not_open'],
      [{ jwe: header({ zip: 'DEF' }) }, 'header_not_allowed'],
      [{ jwe: header({ alg: 'dir' }) }, 'header_not_allowed'],
      [{ jwe: header({ alg: 'RSA1_5' }) }, 'header_not_allowed'],
      [{ jwe: header({ alg: 'PBES2-HS256+A128KW', p2c: 1e9 }) }, 'header_not_allowed'],
      [{ jwe: header({ enc: 'A128CBC-HS256' }) }, 'header_not_allowed'],
      [{ jwe: header({ crit: ['x'], x: 1 }) }, 'header_not_allowed'],
      [{ jwe: header({ jku: 'https://evil.example' }) }, 'header_not_allowed'],
      [{ jwe: header({ typ: 'JWT' }) }, 'header_not_allowed'],
      [{ jwe: header({ kid: 'x' }) }, 'for_another_key'],
      [{ jwe: header({ apu: 'x' }) }, 'header_not_allowed'],
    ]
    const met: unknown[] = []
    for (const [change] of rows) met.push(await openDelivery({ ...good, ...change }))
    expect(met).toEqual(rows.map(([, reason]) => ({ ok: false, reason })))
    expect((await openDelivery(good)).ok).toBe(true)
  })

  test('cannot be swapped: what its recipient seals on to another is not the issuer’s word to that one', async () => {
    const { w, agent, privateJwk } = await recipient()
    const key = await importJWK(privateJwk, 'ECDH-ES+A256KW')
    const { plaintext } = await compactDecrypt(await sealedToken(w, agent), key)
    const victim = await w.addAgent('victim', 'demo:*')
    const theirs = pair('x25519')
    const reseal = (inner: Uint8Array, kid: unknown) =>
      new CompactEncrypt(inner)
        .setProtectedHeader({
          alg: 'ECDH-ES+A256KW',
          enc: 'A256GCM',
          typ: 'remit-sealed+jwe',
          cty: 'remit-delivery+jwt',
          kid: String(kid),
        })
        .encrypt(createPublicKey({ key: theirs.publicJwk, format: 'jwk' }))
    const mine = { ...theirs.privateJwk, kid: 'mine' }
    const swapped = await opening(w, victim, mine, await reseal(plaintext, 'mine'))
    expect(await openDelivery(swapped)).toEqual({ ok: false, reason: 'for_another_recipient' })
    const sameAgent = await openDelivery({ ...swapped, recipient: agent.id })
    expect(sameAgent).toEqual({ ok: false, reason: 'for_another_recipient' })
    const forged = await opening(
      w,
      victim,
      mine,
      await reseal(Buffer.from('{"token":"x"}'), 'mine'),
    )
    expect(await openDelivery(forged)).toEqual({ ok: false, reason: 'not_signed_by_the_issuer' })
    // An access token of the same issuer is no delivery.
    const token = await w.call(mintToken, { scopes, delivery: 'meta' }, w.local)
    const text = (token.ok && token.meta?.['dev.remit/token']) || ''
    const posing = await opening(w, victim, mine, await reseal(Buffer.from(text), 'mine'))
    expect(await openDelivery(posing)).toEqual({ ok: false, reason: 'not_signed_by_the_issuer' })
  })
})

describe('a secret sealed to its agent', () => {
  const secretIn = async (w: World, agent: { id: string }, privateJwk: JsonWebKey, jwe: string) => {
    const opened = await openDelivery(await opening(w, agent as Holder, privateJwk, jwe))
    if (!opened.ok) throw new Error(opened.reason)
    const { secret = '' } = (opened.credential ?? {}) as { secret?: string }
    return { kind: 'secret', agentId: agent.id, presentedSecret: secret } as const
  }

  test('is the first one, for a key that is registered with it', async () => {
    const w = await world()
    const { publicJwk, privateJwk } = pair('p256')
    const asked = { name: 'new', description: '', owner: 'tests', ceiling: scopes }
    const credential = { kind: 'secret', encryption_jwk: publicJwk }
    const answer = await w.call(registerAgent, { ...asked, credential, delivery: 'sealed' })
    const id = String(answer.ok && answer.result['agent_id'])
    const presented = await secretIn(w, { id }, privateJwk, jweOf(answer))
    expect(await enters(w, presented)).toBe('allowed')
  })

  test('replaces a compromised one: whoever rotates does not see it', async () => {
    const { w, agent, privateJwk } = await recipient()
    const asked = { credential_id: agent.credentialId, overlap_seconds: 0 }
    for (const delivery of ['meta', 'file', 'handoff']) {
      expect(codeOf(await w.call(rotateCredential, { ...asked, delivery }))).toBe('invalid_request')
    }
    const answer = await w.call(rotateCredential, { ...asked, delivery: 'sealed' })
    const presented = await secretIn(w, agent, privateJwk, jweOf(answer))
    expect([await enters(w, agent), await enters(w, presented)]).toEqual([
      'invalid_client',
      'allowed',
    ])
  })

  test('is not sealed to a key that the rotation itself brings', async () => {
    const w = await world()
    const agent = await w.addAgent('reader', 'demo:*')
    const { publicJwk } = pair('x25519')
    const asked = { credential_id: agent.credentialId, encryption_jwk: publicJwk }
    const taken = { ...asked, overlap_seconds: 0, delivery: 'sealed' }
    expect(codeOf(await w.call(rotateCredential, taken))).toBe('invalid_request')
    expect(await enters(w, agent)).toBe('allowed')
  })

  test('is claimed by a handoff into a sealed form, too', async () => {
    const { w, agent, privateJwk } = await recipient()
    const handed = await w.call(
      delegateToken,
      { scopes, to: agent.name, delivery: 'handoff' },
      w.local,
    )
    const { delivery } = (handed.ok ? handed.result : {}) as { delivery?: { handoff?: string } }
    const claim = { handoff: delivery?.handoff, delivery: 'sealed' }
    const jwe = jweOf(await w.call(claimHandoff, claim, agent))
    expect((await openDelivery(await opening(w, agent, privateJwk, jwe))).ok).toBe(true)
  })
})

describe('the key of a narrow credential', () => {
  /** An agent whose holder of a narrow secret plants a key to seal to. */
  async function planted(w: World, agent: Holder) {
    const narrow = { agent: agent.id, kind: 'secret', scopes: ['demo/n:read'], delivery: 'meta' }
    const made = await w.call(addCredential, narrow)
    const meta = made.ok ? made.meta : undefined
    const presentedSecret = String(meta?.['dev.remit/secret'])
    const thief = { kind: 'secret', agentId: agent.id, presentedSecret } as const
    const { publicJwk, privateJwk } = pair('x25519')
    const key = { ...narrow, encryption_jwk: publicJwk }
    expect(codeOf(await w.call(addCredential, key, thief))).toBe('allowed')
    return { privateJwk }
  }

  test('opens no secret and no token that may do more', async () => {
    const w = await world()
    const agent = await w.addAgent('reader', 'demo:* tokens:delegate')
    await planted(w, agent)
    const rotation = { credential_id: agent.credentialId, delivery: 'sealed' }
    for (const overlap_seconds of [0, 60]) {
      const asked = { ...rotation, overlap_seconds }
      expect(codeOf(await w.call(rotateCredential, asked))).toBe('invalid_request')
    }
    const delegation = { scopes, to: 'reader', delivery: 'sealed' }
    expect(codeOf(await w.call(delegateToken, delegation, w.local))).toBe('invalid_request')
  })

  test('takes the place of no other, however new it is, and opens what is as narrow', async () => {
    const { w, agent, privateJwk } = await recipient()
    w.pass(10)
    const narrow = await planted(w, agent)
    const wide = await opening(w, agent, privateJwk, await sealedToken(w, agent))
    expect((await openDelivery(wide)).ok).toBe(true)
    const asked = { scopes: ['demo/n:read'], to: agent.name, delivery: 'sealed' }
    const jwe = jweOf(await w.call(delegateToken, asked, w.local))
    const opened = await openDelivery(await opening(w, agent, narrow.privateJwk, jwe))
    expect(opened.ok).toBe(true)
  })
})

test('nothing is sealed where there is no key, and nothing is made then', async () => {
  const w = await world()
  const before = await w.read('select count(*) from grants')
  expect(codeOf(await w.call(mintToken, { scopes, delivery: 'sealed' }, w.local))).toBe(
    'invalid_request',
  )
  await w.call(mintToken, { scopes }, w.local)
  expect(Number(await w.read('select count(*) from grants')) - Number(before)).toBeLessThanOrEqual(
    2,
  )
  const refused = await w.refusal(mintToken, { scopes, delivery: 'sealed' }, w.local)
  expect(refused.message).toBe('The recipient has registered no key to seal to.')
})

test('a key that an agent no longer has is sealed to no more', async () => {
  const { w, agent } = await recipient()
  const sealed = { scopes, to: agent.name, delivery: 'sealed' }
  expect(codeOf(await w.call(delegateToken, sealed, w.local))).toBe('allowed')
  const keyed = [...w.context.live.credentials.values()].find((c) => c.encryptionKey !== undefined)
  await w.result(revokeCredential, { credential_id: keyed?.id, cause: 'gone' })
  expect(codeOf(await w.call(delegateToken, sealed, w.local))).toBe('invalid_request')
})

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const flip = (segment: string): string => {
  const bytes = Buffer.from(segment, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return bytes.toString('base64url')
}
