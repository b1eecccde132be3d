// What forgers, thieves and careless clients try with client assertions: whatever is not exactly one new
// assertion by the agent's own live key, for us alone, is refused; strangers learn nothing.

import { SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { queryAudit } from '../../src/operations/query-audit.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { pair } from '../support/keys.ts'
import type { Pair } from '../support/keys.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { enters } from './attack.ts'

const whoami = whoamiAmong(() => [])

type Claims = Record<string, unknown>

const mine: Pair = pair()

async function keyed() {
  const w = await world()
  const asked = {
    agent: 'local',
    kind: 'public_key',
    public_jwk: { ...mine.publicJwk, kid: 'mine' },
  }
  const { credential_id } = await w.result(addCredential, asked)
  return { w, credentialId: credential_id }
}

let made = 0

const claimsOf = (w: World, change: Claims = {}): Claims => {
  made += 1
  return {
    iss: w.local.id,
    sub: w.local.id,
    aud: w.issuer,
    iat: w.now(),
    exp: w.now() + 60,
    jti: `jti-${made}`,
    ...change,
  }
}

const signed = (claims: Claims, header: Claims = {}, by: Pair = mine): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', ...header }).sign(by.privateKey)

const presenting = (w: World, presentedAssertion: string, agentId = w.local.id): Presented => ({
  kind: 'assertion',
  agentId,
  presentedAssertion,
})

const segment = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** The newest refusal of whoami: what the audit knows that the caller was not told. */
async function audited(w: World) {
  await w.context.audit.flush()
  const { events } = await w.result(queryAudit, { operation: 'whoami', outcome: 'refused' })
  return events[0]
}

test('a sound one lets its agent in, once', async () => {
  const { w, credentialId } = await keyed()
  const assertion = await signed(claimsOf(w))
  expect(await w.result(whoami, {}, presenting(w, assertion))).toMatchObject({
    agent: { id: w.local.id },
    method: 'client_assertion',
  })
  expect(await w.refusal(whoami, {}, presenting(w, assertion))).toMatchObject({
    code: 'replay_detected',
  })
  expect(await audited(w)).toMatchObject({
    agent_id: w.local.id,
    presented: { method: 'client_assertion', credential_id: credentialId },
    detail: { finding: 'assertion_replayed' },
  })
})

describe('by its own key, but wrong: known, told why, and named in the audit', () => {
  const rows: readonly [string, (w: World) => Claims, Claims?, string?][] = [
    ['wrong_issuer', (w) => ({ iss: w.admin.id })],
    ['wrong_issuer', () => ({ iss: undefined })],
    ['wrong_subject', (w) => ({ sub: w.admin.id })],
    ['wrong_subject', () => ({ sub: ['x'] })],
    ['wrong_audience', () => ({ aud: 'https://other.example' })],
    ['wrong_audience', (w) => ({ aud: [w.issuer] })],
    ['wrong_audience', (w) => ({ aud: [w.issuer, 'https://other.example'] })],
    ['wrong_audience', () => ({ aud: undefined })],
    ['malformed_jti', () => ({ jti: undefined })],
    ['malformed_jti', () => ({ jti: '' })],
    ['malformed_jti', () => ({ jti: 'x'.repeat(257) })],
    ['malformed_time', () => ({ exp: undefined })],
    ['malformed_time', () => ({ iat: undefined })],
    ['malformed_time', (w) => ({ exp: w.now() + 60.5 })],
    ['malformed_time', (w) => ({ exp: String(w.now() + 60) })],
    ['expired', (w) => ({ exp: w.now() })],
    ['too_old', (w) => ({ iat: w.now() - 301, exp: w.now() + 60 })],
    ['issued_in_future', (w) => ({ iat: w.now() + 61, exp: w.now() + 90 })],
    ['not_yet_valid', (w) => ({ nbf: w.now() + 61 })],
    ['lives_too_long', (w) => ({ exp: w.now() + 301 })],
    ['wrong_typ', () => ({}), { typ: 'at+jwt' }],
    ['wrong_typ', () => ({}), { typ: 'dpop+jwt' }],
    ['wrong_typ', () => ({}), { typ: 'remit-proof+jwt' }],
  ]
  test('whatever it is', async () => {
    const { w } = await keyed()
    for (const [reason, change, header] of rows) {
      const assertion = await signed(claimsOf(w, change(w)), header)
      const refusal = await w.refusal(whoami, {}, presenting(w, assertion))
      expect(refusal).toMatchObject({
        code: 'invalid_client',
        message: `The client assertion is refused: ${reason}.`,
      })
      expect(await audited(w)).toMatchObject({ agent_id: w.local.id, detail: { reason } })
    }
  })
})

describe('by anybody else: one answer, whatever was wrong', () => {
  const theirs = pair()
  const rsa = pair('rsa')
  const rows: readonly [string, string, (w: World) => Promise<string> | string, object?][] = [
    ['another key', 'wrong_signature', (w) => signed(claimsOf(w), {}, theirs)],
    [
      'another key that says the kid',
      'wrong_signature',
      (w) => signed(claimsOf(w), { kid: 'mine' }, theirs),
    ],
    ['an unknown kid', 'unknown_kid', (w) => signed(claimsOf(w), { kid: 'other' })],
    ['no signature', 'alg_does_not_fit', (w) => new UnsecuredJWT(claimsOf(w)).encode()],
    [
      'HMAC by the public key',
      'alg_does_not_fit',
      (w) =>
        new SignJWT(claimsOf(w))
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from(mine.publicPem.padEnd(32))),
    ],
    [
      'another algorithm',
      'alg_does_not_fit',
      (w) => new SignJWT(claimsOf(w)).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey),
    ],
    [
      'its key in the header',
      'header_member_not_allowed',
      (w) => signed(claimsOf(w), { jwk: theirs.publicJwk }, theirs),
    ],
    [
      'a key set in the header',
      'header_member_not_allowed',
      (w) => signed(claimsOf(w), { jku: 'https://x.example' }),
    ],
    [
      'a certificate in the header',
      'header_member_not_allowed',
      (w) => signed(claimsOf(w), { x5c: ['MII'] }),
    ],
    [
      'crit',
      'header_member_not_allowed',
      (w) =>
        [segment({ alg: 'EdDSA', crit: ['b64'], b64: false }), segment(claimsOf(w)), ''].join('.'),
    ],
    [
      'a member twice',
      'header_duplicate_member',
      (w) =>
        [segment('{"alg":"EdDSA","alg":"none"}'), segment(claimsOf(w)), segment('x')].join('.'),
    ],
    ['something long', 'too_long', () => 'a.'.repeat(8192)],
    ['words', 'not_three_segments', () => 'not a token'],
    ['JSON serialisation', 'not_three_segments', (w) => JSON.stringify({ payload: claimsOf(w) })],
    ['other base64', 'not_base64url', async (w) => `${await signed(claimsOf(w))}=`],
    [
      'an edited payload',
      'wrong_signature',
      async (w) => {
        const [header, , signature] = (await signed(claimsOf(w))).split('.')
        return [header, segment(claimsOf(w, { sub: w.admin.id })), signature].join('.')
      },
    ],
  ]
  test('and nobody is named', async () => {
    const { w } = await keyed()
    for (const [what, reason, forge] of rows) {
      const refusal = await w.refusal(whoami, {}, presenting(w, await forge(w)))
      expect({ what, ...refusal.toError() }).toEqual({
        what,
        code: 'invalid_client',
        message: 'The caller could not be authenticated.',
        remedy: { text: expect.stringContaining('Present exactly one credential') },
      })
      const event = await audited(w)
      expect({ what, ...event }).toMatchObject({ what, detail: { reason } })
      expect(event).not.toHaveProperty('agent_id')
    }
  })

  test('an agent without a key, or none at all', async () => {
    const { w } = await keyed()
    for (const agentId of [w.admin.id, 'agt_00000000000000000000zzzzzz']) {
      const assertion = await signed(claimsOf(w, { iss: agentId, sub: agentId }))
      const refusal = await w.refusal(whoami, {}, presenting(w, assertion, agentId))
      expect(refusal.message).toBe('The caller could not be authenticated.')
    }
  })
})

describe('a replay', () => {
  test('is refused in every process and after a restart', async () => {
    const { w } = await keyed()
    const assertion = await signed(claimsOf(w))
    expect(await enters(w, presenting(w, assertion))).toBe('allowed')
    const elsewhere = await w.startProcess()
    expect(await enters(w, presenting(w, assertion), { in: elsewhere })).toBe('replay_detected')
    w.pass(59)
    expect(await enters(w, presenting(w, assertion))).toBe('replay_detected')
  })

  test('under another key of the same agent is one all the same', async () => {
    const { w } = await keyed()
    const other = pair()
    const asked = { agent: 'local', kind: 'public_key', public_jwk: other.publicJwk }
    await w.result(addCredential, asked)
    const claims = claimsOf(w)
    expect(await enters(w, presenting(w, await signed(claims)))).toBe('allowed')
    const again = await signed(claims, {}, other)
    expect(await enters(w, presenting(w, again))).toBe('replay_detected')
  })

  test('of many at once, in two processes, is let in once', async () => {
    const { w } = await keyed()
    const elsewhere = await w.startProcess()
    const assertion = await signed(claimsOf(w))
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        enters(w, presenting(w, assertion), i % 2 === 0 ? {} : { in: elsewhere }),
      ),
    )
    expect(answers.filter((code) => code === 'allowed')).toHaveLength(1)
    expect(answers.filter((code) => code === 'replay_detected')).toHaveLength(7)
  })

  test('of what was refused is no way around the refusal', async () => {
    const { w } = await keyed()
    await w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause: 'test' })
    const assertion = await signed(claimsOf(w))
    expect(await enters(w, presenting(w, assertion))).toBe('agent_suspended')
    await w.result(setAgentStatus, { agent: 'local', status: 'active', cause: 'test' })
    expect(await enters(w, presenting(w, assertion))).toBe('replay_detected')
  })
})

describe('in the environment', () => {
  test('it stands for every call of its process until its exp, and for no other', async () => {
    const { w } = await keyed()
    const assertion = await signed(claimsOf(w))
    const environment = presenting(w, assertion)
    const first = await Promise.all([1, 2, 3].map(() => enters(w, environment)))
    expect(first).toEqual(['allowed', 'allowed', 'allowed'])
    w.pass(59)
    expect(await enters(w, environment)).toBe('allowed')
    const elsewhere = await w.startProcess()
    expect(await enters(w, environment, { in: elsewhere })).toBe('replay_detected')
    w.pass(1)
    expect(await enters(w, environment)).toBe('invalid_client')
  })

  test.each<[string, (w: World, credentialId: string) => Promise<unknown>, string]>([
    [
      'its credential was revoked',
      (w, credential_id) => w.result(revokeCredential, { credential_id, cause: 'test' }),
      'invalid_client',
    ],
    [
      'its credential was compromised',
      (w, credential_id) =>
        w.result(rotateCredential, {
          credential_id,
          overlap_seconds: 0,
          public_jwk: pair().publicJwk,
        }),
      'invalid_client',
    ],
    [
      'its agent was suspended',
      (w) => w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause: 'test' }),
      'agent_suspended',
    ],
    [
      'its method was taken away',
      (w) => w.result(updateAgent, { agent: 'local', auth_methods: ['secret'] }),
      'invalid_client',
    ],
  ])('it ends when %s', async (_, end, code) => {
    const { w, credentialId } = await keyed()
    const environment = presenting(w, await signed(claimsOf(w)))
    expect(await enters(w, environment)).toBe('allowed')
    await end(w, credentialId)
    expect(await enters(w, environment)).toBe(code)
  })
})

describe('rotation', () => {
  test('leaves the old key good for the overlap and no longer; grants pass on', async () => {
    const { w, credentialId } = await keyed()
    const next = pair()
    const before = await w.result(whoami, {}, presenting(w, await signed(claimsOf(w))))
    const asked = { credential_id: credentialId, overlap_seconds: 100, public_jwk: next.publicJwk }
    await w.result(rotateCredential, asked)
    const after = await w.result(whoami, {}, presenting(w, await signed(claimsOf(w), {}, next)))
    expect(after.grant.id).toBe(before.grant.id)
    expect(await enters(w, presenting(w, await signed(claimsOf(w))))).toBe('allowed')
    w.pass(100)
    expect(await enters(w, presenting(w, await signed(claimsOf(w))))).toBe('invalid_client')
    expect(await enters(w, presenting(w, await signed(claimsOf(w), {}, next)))).toBe('allowed')
  })

  test('of a compromised key may be repeated by it for a lost answer, and nothing else', async () => {
    const { w } = await keyed()
    const asked = { overlap_seconds: 0, public_jwk: pair().publicJwk, idempotency_key: 'k' }
    const old = async () => presenting(w, await signed(claimsOf(w)))
    const first = await w.result(rotateCredential, asked, await old())
    expect(await w.result(rotateCredential, asked, await old())).toEqual(first)
    expect(await enters(w, await old())).toBe('invalid_client')
  })

  test('a lost answer is mended by replacing the successor that was never used, with the same key', async () => {
    const { w } = await keyed()
    const public_jwk = pair().publicJwk
    const old = async () => presenting(w, await signed(claimsOf(w)))
    const first = await w.result(rotateCredential, { public_jwk }, await old())
    const again = { public_jwk, replace_unused: true }
    const second = await w.result(rotateCredential, again, await old())
    expect(second.credential_id).not.toBe(first.credential_id)
  })
})
