// Secrets where none belongs (authority: 34): an argument that holds one of ours, whole or inside other
// text, however deep, is refused unechoed, kept nowhere and raises a finding.

import { describe, expect, test } from 'vitest'
import { newSecret } from '../../src/crypto/secret.ts'
import type { SecretKind } from '../../src/crypto/secret.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { introspectToken } from '../../src/operations/introspect-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import type { Operation } from '../../src/operations/operation.ts'
import {
  authorityIn,
  eventsOf,
  filesBelow,
  findingsOf,
  grantIn,
  handedIn,
  tablesOf,
} from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const kinds: readonly SecretKind[] = [
  'agent_secret',
  'api_key',
  'registration',
  'handoff',
  'opaque_token',
  'management_token',
]

const aJwt = async (w: World) =>
  handedIn(await w.call(mintToken, { scopes: ['demo:read'], delivery: 'meta' }, w.local))

/** That it was refused for holding `secret`, and that nothing remembers what it held. */
async function expectRefused(w: World, operation: Operation, args: object, secret: string) {
  await w.result(whoami)
  const found = (await findingsOf(w)).length
  const before = authorityIn(w)
  const refusal = await w.refusal(operation, { ...args })
  expect(refusal.toError()).toMatchObject({
    code: 'invalid_request',
    message: 'An argument holds a secret or a token where none belongs.',
  })
  expect(authorityIn(w)).toEqual(before)
  expect((await findingsOf(w)).slice(found)).toEqual(['secret_in_argument'])
  const remembered = [refusal.toError(), await eventsOf(w), tablesOf(w), filesBelow(w.home)]
  expect(JSON.stringify(remembered)).not.toContain(secret)
}

const minting = mintToken as unknown as Operation
const introspecting = introspectToken as unknown as Operation
const claiming = claimHandoff as unknown as Operation

describe('a secret in an argument', () => {
  test.each(kinds)('%s is refused wherever it stands', async (kind) => {
    const w = await world()
    const secret = newSecret(kind).reveal()
    const revoking = revokeToken as unknown as Operation
    const checking = checkPermission as unknown as Operation
    const registering = registerAgent as unknown as Operation
    const agent = { name: 'a', description: '', owner: 'o', ceiling: ['demo:read'] }
    await expectRefused(w, minting, { scopes: [secret] }, secret)
    await expectRefused(w, minting, { scopes: ['demo:read'], task: secret }, secret)
    await expectRefused(w, minting, { scopes: ['demo:read'], [secret]: 1 }, secret)
    await expectRefused(w, minting, { scopes: ['demo:read'], bind_jwk: { a: [secret] } }, secret)
    await expectRefused(w, minting, { idempotency_key: `x${secret}x` }, secret)
    await expectRefused(w, minting, { act_as: secret }, secret)
    await expectRefused(w, revoking, { task: 'x', cause: `leaked ${secret}!` }, secret)
    await expectRefused(w, checking, { permissions: ['demo:read', secret] }, secret)
    await expectRefused(w, registering, { ...agent, description: secret }, secret)
  })

  test('a token of ours is refused the same way', async () => {
    const w = await world()
    const token = await aJwt(w)
    await expectRefused(w, minting, { scopes: [token] }, token)
    await expectRefused(w, minting, { scopes: ['demo:read'], task: `see ${token}` }, token)
    await expectRefused(w, claiming, { handoff: token }, token)
    const cut = token.split('.').slice(0, 2).join('.')
    await expectRefused(w, minting, { scopes: [cut] }, cut)
  })

  test('a look-alike with a wrong checksum is refused for what it is, not as a secret', async () => {
    const w = await world()
    const secret = newSecret('agent_secret').reveal()
    const last = secret.endsWith('0') ? '1' : '0'
    const alike = secret.slice(0, -1) + last
    const refusal = await w.refusal(mintToken, { scopes: [alike] })
    expect(refusal.code).toBe('invalid_scope')
    expect(JSON.stringify(refusal.toError())).not.toContain(alike)
    expect(await findingsOf(w)).toEqual([])
  })
})

describe('the two arguments that take such a thing', () => {
  test('introspection takes tokens, and nothing else', async () => {
    const w = await world()
    const token = await aJwt(w)
    expect((await w.result(introspectToken, { token })).active).toBe(true)
    const opaque = await w.call(mintToken, { scopes: ['demo:read'], uses: 2, delivery: 'meta' })
    expect(await w.result(introspectToken, { token: handedIn(opaque) })).toMatchObject({
      active: true,
      grant_id: grantIn(opaque),
    })
    for (const kind of kinds.filter((each) => each !== 'opaque_token')) {
      const secret = newSecret(kind).reveal()
      await expectRefused(w, introspecting, { token: secret }, secret)
      await expectRefused(w, introspecting, { token: `${token} ${secret}` }, secret)
    }
    await expectRefused(w, introspecting, { token_id: handedIn(opaque) }, handedIn(opaque))
  })

  test('a claim takes handoffs, and nothing else', async () => {
    const w = await world()
    const code = newSecret('handoff').reveal()
    expect((await w.refusal(claimHandoff, { handoff: code })).code).toBe('not_found')
    for (const kind of kinds.filter((each) => each !== 'handoff')) {
      const secret = newSecret(kind).reveal()
      await expectRefused(w, claiming, { handoff: secret }, secret)
    }
    await expectRefused(w, claiming, { handoff: code, delivery: code }, code)
  })

  test('both take it as metadata instead', async () => {
    const w = await world()
    const meta = { 'dev.remit/subject_token': await aJwt(w) }
    expect((await w.result(introspectToken, {}, w.local, { meta })).active).toBe(true)
    const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, delivery: 'handoff' }
    const { delivery } = (await w.result(mintToken, asked, w.local)) as {
      delivery?: { handoff?: string }
    }
    const handed = { meta: { 'dev.remit/handoff': delivery?.handoff } }
    expect((await w.call(claimHandoff, {}, w.local, handed)).ok).toBe(true)
  })
})
