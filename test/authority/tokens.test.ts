// A token says which grant; it is recognised by its own spelling only, and only while its record agrees.

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { isLimited, recognise, tokenDeath } from '../../src/authority/tokens.ts'
import { signOwnJwt } from '../../src/crypto/own-jwt.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { ask, childOf, rootOf } from '../operations/asking.ts'
import { grant } from '../support/state.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const recognised = async (w: World, text: string) => recognise(w.context, text)

const codeOf = async (w: World, text: string) => {
  const answer = await recognised(w, text)
  if (answer.ok) return 'recognised'
  const { finding } = answer.refusal.detail
  return finding === undefined ? answer.refusal.code : `${answer.refusal.code}, ${finding}`
}

describe('a JWT', () => {
  test('has the claims of RFC 9068, and ours in one namespace', async () => {
    const w = await world()
    const helper = await w.addAgent('helper', 'demo:* tokens:delegate')
    const root = await rootOf(w, w.local, { task: 'a' })
    const child = await childOf(w, root.presented, { to: 'helper', task: 'a/b' })
    const { presentedToken } = child.presented
    expect(decodeProtectedHeader(presentedToken)).toEqual({
      alg: 'EdDSA',
      typ: 'at+jwt',
      kid: w.context.ring.signer('access_token').kid,
    })
    expect(decodeJwt(presentedToken)).toEqual({
      iss: w.issuer,
      sub: w.local.id,
      aud: w.issuer,
      client_id: helper.id,
      iat: w.now(),
      exp: child.expires_at,
      jti: child.token_id,
      scope: 'demo:* tokens:delegate',
      act: { sub: helper.id },
      remit: {
        org: w.orgId,
        grant: child.grant_id,
        lineage: [root.grant_id],
        via: [
          { agent: w.local.id, instance: root.instance_id, credential: w.local.credentialId },
          { agent: helper.id, instance: child.instance_id, credential: w.local.credentialId },
        ],
        depth: 1,
        max_depth: 5,
        task: 'a/b',
      },
    })
  })

  test('of a root has no actor', async () => {
    const w = await world()
    const { presented } = await rootOf(w, w.local)
    expect(decodeJwt(presented.presentedToken)).not.toHaveProperty('act')
  })

  test('is recognised as it is, first read and then remembered', async () => {
    const w = await world()
    const { presented, token_id } = await rootOf(w, w.local)
    const expected = { ok: true, token: { id: token_id, kind: 'jwt' } }
    expect(await recognised(w, presented.presentedToken)).toMatchObject(expected)
    w.tamper(`delete from tokens where id = ?`, token_id)
    expect(await recognised(w, presented.presentedToken)).toMatchObject(expected)
    const { context } = { context: await w.startProcess() }
    expect(await recognise(context, presented.presentedToken)).toMatchObject({ ok: false })
  })

  test('in any other spelling is a stranger’s', async () => {
    const w = await world()
    const { presentedToken: jwt } = (await rootOf(w, w.local)).presented
    const [header = '', payload = '', signature = ''] = jwt.split('.')
    const reordered = Buffer.from(JSON.stringify({ kid: 'x', alg: 'none' })).toString('base64url')
    for (const text of [
      '',
      'x',
      `${jwt}=`,
      `${jwt}.`,
      ` ${jwt}`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -1)}`,
      `${reordered}.${payload}.${signature}`,
      `${header}.${payload}A.${signature}`,
      jwt.replaceAll('-', '+').replaceAll('_', '/').concat(' '),
      'x'.repeat(100_000),
    ]) {
      expect(await codeOf(w, text)).toBe('invalid_token')
    }
  })

  test('with claims unlike its record is a finding', async () => {
    const w = await world()
    const { presentedToken } = (await rootOf(w, w.local)).presented
    const claims = decodeJwt(presentedToken) as Record<string, unknown>
    const { signer } = w.context.ring.signer('access_token')
    expect(await codeOf(w, signOwnJwt(signer, claims))).toBe('recognised')
    for (const change of [
      { scope: 'demo:* audit:read' },
      { jti: w.context.newId('tok') },
      { exp: Number(claims['exp']) + 1 },
      { iss: 'urn:remit:other' },
      { sub: w.admin.id },
      { extra: 1 },
      { exp: 'never' },
    ]) {
      expect(await codeOf(w, signOwnJwt(signer, { ...claims, ...change }))).toBe(
        'invalid_token, forged_claims',
      )
    }
  })
})

describe('an opaque token', () => {
  test('is what a limited chain has', async () => {
    const w = await world()
    const root = await rootOf(w, w.local, { uses: 5 })
    const child = await childOf(w, root.presented)
    for (const { presented, token_id } of [root, child]) {
      expect(presented.presentedToken).toMatch(/^rmt_tok_/)
      expect(await recognised(w, presented.presentedToken)).toMatchObject({
        ok: true,
        token: { id: token_id, kind: 'opaque' },
      })
    }
    expect(isLimited([grant(), grant({ uses: 1 })])).toBe(true)
    expect(isLimited([grant()])).toBe(false)
  })

  test('that was never made is a stranger’s, and a secret is of another class', async () => {
    const w = await world()
    expect(await codeOf(w, newSecret('opaque_token').reveal())).toBe('invalid_token')
    for (const kind of ['agent_secret', 'api_key', 'registration', 'handoff'] as const) {
      expect(await codeOf(w, newSecret(kind).reveal())).toBe('wrong_credential_class')
    }
  })
})

describe('a recognised token is dead', () => {
  const death = async (end: (w: World) => unknown, args: Record<string, unknown> = {}) => {
    const w = await world()
    const { presented } = await rootOf(w, w.local, { ttl_seconds: 60, ...args })
    const answer = await recognised(w, presented.presentedToken)
    if (!answer.ok) throw answer.refusal
    expect(tokenDeath(w.context, answer.token, w.now())).toBeUndefined()
    await end(w)
    return tokenDeath(w.context, answer.token, w.now())
  }

  test.each<[string, RegExp | undefined, (w: World) => unknown]>([
    ['one second before its end it is not', undefined, (w) => w.pass(59)],
    ['at its end', /expired/, (w) => w.pass(60)],
    ['with its key', /key/, (w) => ask(w, rotateSigningKey, { retire_after_seconds: 0 })],
    ['not with a key that still verifies', undefined, (w) => ask(w, rotateSigningKey)],
    [
      'with the credential it was obtained with',
      /credential/,
      (w) => ask(w, revokeCredential, { credential_id: w.local.credentialId, cause: 'x' }),
    ],
    [
      'not with one that retired in peace',
      undefined,
      (w) =>
        ask(w, revokeCredential, {
          credential_id: w.local.credentialId,
          kill_tokens: false,
          cause: 'x',
        }),
    ],
    [
      'when what that credential made was revoked',
      /credential/,
      (w) => ask(w, revokeToken, { credential_id: w.local.credentialId, cause: 'x' }),
    ],
    [
      'not when what came before was',
      undefined,
      (w) =>
        ask(w, revokeToken, {
          credential_id: w.local.credentialId,
          minted_before: w.now() - 1,
          cause: 'x',
        }),
    ],
  ])('%s', async (_, why, end) => {
    expect((await death(end)) ?? 'alive').toMatch(why ?? /^alive$/)
  })
})
