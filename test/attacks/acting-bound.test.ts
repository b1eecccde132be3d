// Acting under a bound grant needs that grant's own proof (authority: rule 12), whatever the caller came
// with; and protections that a grant demands are met by what a call shows, or not at all.

import { expect, test } from 'vitest'
import { metaKeys } from '../../src/authority/presented.ts'
import { authorityFor } from '../../src/operations/authority-for.ts'
import { operations } from '../../src/operations/index.ts'
import { signCallProof } from '../../src/sign/key-proof.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import type { PrivateJwk } from '../../src/sign/key-proof.ts'
import type { ProvenCall } from '../../src/crypto/call-proof.ts'
import { boundKey, callWith, provenCall } from '../support/bound.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'
import { codeOf, delegated, minted, named } from './attack.ts'

const check = { permissions: ['demo:read'] }
const scopes = ['demo:read', 'tokens:delegate']

async function boundChild() {
  const w = await world()
  const key = boundKey()
  const child = await delegated(w, w.local, { scopes, bind_jwk: key.publicJwk })
  return { w, key: key.privateJwk, child }
}

/** A call of the environment's credential that acts under a grant. */
async function acting(
  w: World,
  key: PrivateJwk | undefined,
  grantId: string,
  operation: string,
  args: object,
  claims: Partial<ProvenCall> = {},
) {
  const asked = { ...args, act_as: grantId }
  const call = { audience: w.issuer, operation, arguments: asked, meta: {}, of: { grant: grantId } }
  const proof = key && (await signCallProof(key, { ...call, ...claims }, { now: w.now() }))
  const meta = proof === undefined ? {} : { [metaKeys.actAsProof]: proof }
  return w.call(named(operation), asked, w.local, { meta })
}

test('act_as of a bound grant is refused without its proof, also to look only', async () => {
  const { w, child } = await boundChild()
  for (const [operation, args] of [
    ['whoami', {}],
    ['check_permission', check],
    ['delegate_token', { scopes: ['demo:read'] }],
    ['list_permissions', {}],
  ] as const) {
    const answer = await acting(w, undefined, child.grantId, operation, args)
    expect([operation, codeOf(answer)]).toEqual([operation, 'invalid_token'])
  }
})

test('with its own proof it is allowed; with any other it is not', async () => {
  const { w, key, child } = await boundChild()
  const { grantId } = child
  expect(codeOf(await acting(w, key, grantId, 'check_permission', check))).toBe('allowed')
  const wrong: Partial<ProvenCall>[] = [
    { of: { grant: w.local.id } },
    { of: { token: child.text } },
    { operation: 'whoami' },
    { arguments: check },
    { audience: 'urn:remit:another' },
    { meta: { 'dev.remit/handoff': 'x' } },
  ]
  for (const claims of wrong) {
    const answer = await acting(w, key, grantId, 'check_permission', check, claims)
    expect([claims, codeOf(answer)]).toEqual([claims, 'invalid_token'])
  }
  const another = boundKey().privateJwk
  expect(codeOf(await acting(w, another, grantId, 'whoami', {}))).toBe('invalid_token')
})

test('narrowing a whole request needs the proof too, and lists nothing without', async () => {
  const { w, key, child } = await boundChild()
  const meta = { [metaKeys.actAs]: child.grantId }
  const seen = async (more: Record<string, string>) => {
    const request = { environment: w.local.presented, meta: { ...meta, ...more } }
    return (await authorityFor(w.context, request, operations)).visible.length
  }
  const call = { audience: w.issuer, arguments: {}, meta, of: { grant: child.grantId } }
  const sign = (operation: string) => signCallProof(key, { ...call, operation }, { now: w.now() })
  const bare = await seen({})
  expect(await seen({ [metaKeys.actAsProof]: await sign('tools/list') })).toBeGreaterThan(bare)
  expect(await seen({ [metaKeys.actAsProof]: await sign('whoami') })).toBe(bare)
})

test('a proof for acting that acts under nothing is refused', async () => {
  const { w, key, child } = await boundChild()
  const of = { grant: child.grantId }
  const call = { audience: w.issuer, operation: 'whoami', arguments: {}, meta: {}, of }
  const proof = await signCallProof(key, call, { now: w.now() })
  const answer = await w.call(named('whoami'), {}, w.local, {
    meta: { [metaKeys.actAsProof]: proof },
  })
  expect(codeOf(answer)).toBe('invalid_token')
})

test('a bound caller needs both proofs to act under a child that is bound to another key', async () => {
  const w = await world()
  const own = boundKey()
  const held = await minted(w, w.local, { scopes, bind_jwk: own.publicJwk })
  const childKey = boundKey()
  const asked = { scopes: ['demo:read'], bind_jwk: childKey.publicJwk, delivery: 'meta' }
  const child = await provenCall(w, own.privateJwk, held.text, 'delegate_token', asked)
  const grantId = String(child.ok && child.result['grant_id'])
  const args = { ...check, act_as: grantId }
  const first = await provenCall(w, own.privateJwk, held.text, 'check_permission', args)
  expect(codeOf(first)).toBe('invalid_token')
  const meta = { [metaKeys.token]: held.text }
  const call = { audience: w.issuer, operation: 'check_permission', arguments: args, meta }
  const stamp = { now: w.now() }
  const both = {
    ...meta,
    [metaKeys.proof]: await signCallProof(
      own.privateJwk,
      { ...call, of: { token: held.text } },
      stamp,
    ),
    [metaKeys.actAsProof]: await signCallProof(
      childKey.privateJwk,
      { ...call, of: { grant: grantId } },
      stamp,
    ),
  }
  expect(codeOf(await callWith(w, 'check_permission', args, both))).toBe('allowed')
  const swapped = {
    ...both,
    [metaKeys.proof]: both[metaKeys.actAsProof] ?? '',
    [metaKeys.actAsProof]: both[metaKeys.proof] ?? '',
  }
  expect(codeOf(await callWith(w, 'check_permission', args, swapped))).toBe('invalid_token')
})

test('pop and signed_request are met by a proof over the whole call; approval by nothing', async () => {
  const w = await world()
  const key = boundKey()
  const use = async (require: readonly string[], proven: boolean) => {
    const args = { scopes, require, ...(proven && { bind_jwk: key.publicJwk }) }
    const { text } = await minted(w, w.local, args)
    const answer = proven
      ? await provenCall(w, key.privateJwk, text, 'check_permission', check)
      : await callWith(w, 'check_permission', check, { [metaKeys.token]: text })
    return codeOf(answer)
  }
  expect(await use(['pop'], false)).toBe('invalid_token')
  expect(await use(['signed_request'], false)).toBe('invalid_token')
  expect(await use(['pop', 'signed_request'], true)).toBe('allowed')
  expect(await use(['pop', 'approval'], true)).toBe('invalid_token')
})

test('a grant that demands proof but is bound to no key takes a registered key of its holder', async () => {
  const w = await world()
  const own = boundKey()
  const { text } = await minted(w, w.local, { scopes, require: ['pop'] })
  expect(codeOf(await provenCall(w, own.privateJwk, text, 'check_permission', check))).toBe(
    'invalid_token',
  )
  const asked = { agent: 'local', kind: 'public_key', public_jwk: own.publicJwk }
  await w.result(addCredential, asked)
  expect(codeOf(await provenCall(w, own.privateJwk, text, 'check_permission', check))).toBe(
    'allowed',
  )
  const theirs = boundKey()
  const other = await w.addAgent('other', 'demo:*')
  await w.result(addCredential, { ...asked, agent: other.name, public_jwk: theirs.publicJwk })
  expect(codeOf(await provenCall(w, theirs.privateJwk, text, 'check_permission', check))).toBe(
    'invalid_token',
  )
})
