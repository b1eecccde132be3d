// rotate_signing_key: a new key signs; the old one verifies on, or dies at once with its tokens.

import { expect, test } from 'vitest'
import { publicKeys } from '../../src/operations/public-keys.ts'
import { rotateSigningKey } from '../../src/operations/rotate-signing-key.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import {
  ask,
  childOf,
  contents,
  expectDryRun,
  expectRepeats,
  refuse,
  rootOf,
  whoami,
} from './asking.ts'

const kidOf = ({ presentedToken }: { readonly presentedToken: string }) => {
  const [header = ''] = presentedToken.split('.')
  return JSON.parse(Buffer.from(header, 'base64url').toString()) as object
}

const activeKey = (w: World) =>
  [...w.context.live.signingKeys.values()].find(
    ({ purpose, status }) => purpose === 'access_token' && status === 'active',
  )?.id

test('the old key verifies on as long as a token may live', async () => {
  const w = await world()
  const old = await rootOf(w, w.local, { grant_ttl_seconds: 80_000 })
  const oldKid = activeKey(w)
  expect(kidOf(old.presented)).toMatchObject({ kid: oldKid, alg: 'EdDSA' })
  const rotated = await ask(w, rotateSigningKey)
  expect(rotated).toEqual({ kid: expect.stringMatching(/^key_/), retiring: [oldKid] })
  expect(activeKey(w)).toBe(rotated.kid)
  const fresh = await rootOf(w, w.local, { grant_ttl_seconds: 80_000 })
  expect(kidOf(fresh.presented)).toMatchObject({ kid: rotated.kid })
  w.pass(3599)
  for (const { presented } of [old, fresh]) {
    expect(await ask(w, whoami, {}, presented)).toMatchObject({ method: 'token' })
  }
})

test('retire_after_seconds says how long', async () => {
  const w = await world()
  const old = await rootOf(w, w.local)
  const first = await ask(w, rotateSigningKey, { retire_after_seconds: 60 })
  const second = await ask(w, rotateSigningKey, { retire_after_seconds: 60 })
  expect(second.retiring).toEqual([...first.retiring, first.kid])
  w.pass(60)
  expect((await w.refusal(whoami, {}, old.presented)).code).toBe('invalid_token')
  expect((await ask(w, rotateSigningKey)).retiring).toEqual([second.kid])
})

test('0 means compromised: every token under it is dead, in every process', async () => {
  const w = await world()
  const other = await w.startProcess()
  const old = await rootOf(w, w.local)
  for (const where of [w.context, other]) {
    expect(await ask(w, whoami, {}, old.presented, { in: where })).toMatchObject({
      method: 'token',
    })
  }
  expect((await ask(w, rotateSigningKey, { retire_after_seconds: 0 })).retiring).toEqual([])
  for (const where of [w.context, other]) {
    const { code } = await w.refusal(whoami, {}, old.presented, { in: where })
    expect(code).toBe('invalid_token')
  }
  const fresh = await rootOf(w, w.local)
  expect(await ask(w, whoami, {}, fresh.presented, { in: other })).toMatchObject({
    method: 'token',
  })
})

test.each(['deny_list', 'delivery', 'authentication'] as const)(
  'of %s too the old key verifies until it is retired, and at once no more when compromised',
  async (purpose) => {
    const w = await world()
    const other = await w.startProcess()
    const rotated = (more: object) => ask(w, rotateSigningKey, { purpose, ...more })
    const published = async () => {
      const kids = await Promise.all(
        [w.context, other].map(async (where) =>
          (await publicKeys(where))[`${purpose}_keys`].map(({ kid }) => String(kid)).toSorted(),
        ),
      )
      expect(kids[1]).toEqual(kids[0])
      return kids[0]
    }
    const tokenKey = activeKey(w)
    const first = w.context.ring.signer(purpose).kid
    const second = await rotated({ retire_after_seconds: 60 })
    expect(second.retiring).toEqual([first])
    expect(w.context.ring.signer(purpose).kid).toBe(second.kid)
    expect(await published()).toEqual([first, String(second.kid)].toSorted())
    w.pass(60)
    expect(await published()).toEqual([String(second.kid)])
    const third = await rotated({ retire_after_seconds: 0 })
    expect(third.retiring).toEqual([])
    expect(await published()).toEqual([String(third.kid)])
    expect(activeKey(w)).toBe(tokenKey)
  },
)

test('the algorithm may be chosen, and stays chosen', async () => {
  const w = await world()
  await ask(w, rotateSigningKey, { alg: 'ES256' })
  const { presented } = await rootOf(w, w.local)
  expect(kidOf(presented)).toMatchObject({ alg: 'ES256' })
  expect(await ask(w, whoami, {}, presented)).toMatchObject({ method: 'token' })
  await ask(w, rotateSigningKey)
  expect(kidOf((await rootOf(w, w.local)).presented)).toMatchObject({ alg: 'ES256' })
})

test('refused as it must be', async () => {
  const w = await world()
  const before = await contents(w)
  expect(await refuse(w, rotateSigningKey, {}, w.local)).toMatchObject({
    code: 'insufficient_scope',
    missing: ['keys:rotate'],
    missing_at: w.local.id,
  })
  const { admin } = await w.addOrg('other')
  expect(await refuse(w, rotateSigningKey, {}, admin)).toMatchObject({ code: 'insufficient_scope' })
  const child = await childOf(w, w.admin, { scopes: ['keys:rotate'] })
  expect(await refuse(w, rotateSigningKey, {}, child.presented)).toMatchObject({
    code: 'exceeds_parent',
  })
  for (const malformed of [{ alg: 'RS256' }, { retire_after_seconds: -1 }, { alg: 'none' }]) {
    expect(await refuse(w, rotateSigningKey, malformed)).toMatchObject({ code: 'invalid_request' })
  }
  expect((await contents(w))['signing_keys']).toEqual(before['signing_keys'])
})

test('a dry run makes no key', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, rotateSigningKey, { retire_after_seconds: 0 })
  expect(dry).toEqual({ ...real, kid: dry.kid, dry_run: true })
})

test('a repeat answers the same', async () => {
  const w = await world()
  await expectRepeats(w, rotateSigningKey, {}, { alg: 'ES256' })
})
