// Law 9: no operation hands its caller more than it came with. Ways in which a narrow credential or
// token might try to become a wider one.

import { expect, test } from 'vitest'
import { parseScopes } from '../../src/core/scope.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { listTokens } from '../../src/operations/list-tokens.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { registerResourceType } from '../../src/operations/register-resource-type.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { byToken, handedIn } from '../support/evidence.ts'
import type { Holder, World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { codeOf, delegated, enters, may, minted, renewed, secretFrom, tried } from './attack.ts'

/** A worker with its wide secret, and a key of the same agent that may only read. */
async function narrowKey(w: World, expires_at: number | 'never' = 'never') {
  const worker = await w.addAgent('worker', 'demo:read demo:write tokens:delegate')
  const key = { agent: 'worker', kind: 'api_key', scopes: ['demo:read'], expires_at }
  const answer = await w.call(addCredential, { ...key, delivery: 'meta' }, worker)
  return { worker, narrow: secretFrom(answer, worker.id) }
}

test('a narrow credential adds none that is wider, and none without scopes', async () => {
  const w = await world()
  const { narrow } = await narrowKey(w)
  const added = { agent: 'worker', kind: 'secret', delivery: 'meta' }
  const rows = [
    [{}, 'exceeds_ceiling'],
    [{ scopes: ['demo:write'] }, 'exceeds_ceiling'],
    [{ scopes: ['demo:read', 'demo:write'] }, 'exceeds_ceiling'],
    [{ scopes: ['demo:*'] }, 'exceeds_ceiling'],
    [{ scopes: ['demo:read'] }, 'allowed'],
  ] as const
  for (const [more, code] of rows) {
    const answer = await w.call(addCredential, { ...added, ...more }, narrow)
    expect([more, codeOf(answer)]).toEqual([more, code])
  }
})

test('a credential that ends adds none that lives longer', async () => {
  const w = await world()
  const end = w.now() + 100
  const { narrow } = await narrowKey(w, end)
  const added = { agent: 'worker', kind: 'secret', scopes: ['demo:read'], delivery: 'meta' }
  for (const expires_at of [end + 1, 'never']) {
    const answer = await w.call(addCredential, { ...added, expires_at }, narrow)
    expect([expires_at, codeOf(answer)]).toEqual([expires_at, 'exceeds_ceiling'])
  }
  const { credential_id } = await w.result(addCredential, added, narrow)
  expect(ends(w, credential_id)).toBe(end)
})

const ends = (w: World, id: unknown) => w.context.live.credential(String(id))?.expiresAt

test('a narrow credential does not get the wide one of its agent by rotating it', async () => {
  const w = await world()
  const { worker, narrow } = await narrowKey(w)
  for (const delivery of ['meta', 'file', 'handoff', 'inline']) {
    const args = { credential_id: worker.credentialId, delivery }
    const answer = await w.call(rotateCredential, args, narrow)
    expect([delivery, codeOf(answer)]).toEqual([delivery, 'exceeds_ceiling'])
  }
})

test('a short credential does not get a longer one of its agent by rotating it', async () => {
  const w = await world()
  const { worker, narrow } = await narrowKey(w, w.now() + 100)
  const long = { agent: 'worker', kind: 'api_key', scopes: ['demo:read'], expires_at: 'never' }
  const { credential_id } = await w.result(addCredential, { ...long, delivery: 'meta' }, worker)
  expect(await tried(w, 'rotate_credential', { credential_id, delivery: 'meta' }, narrow)).toBe(
    'exceeds_ceiling',
  )
})

test('a narrow credential does not renew the wide grants of its agent', async () => {
  const w = await world()
  const { worker, narrow } = await narrowKey(w)
  const wide = await minted(w, worker, { scopes: ['demo:write'] })
  const own = await minted(w, narrow, { scopes: ['demo:read'] })
  const mend = { delivery: 'meta' }
  for (const named of [{ grant_id: wide.grantId }, { token_id: wide.tokenId }]) {
    expect(await tried(w, 'renew_token', { ...named, ...mend }, narrow)).toBe('exceeds_ceiling')
  }
  expect(await tried(w, 'renew_token', { grant_id: own.grantId, ...mend }, narrow)).toBe('allowed')
  expect(await tried(w, 'renew_token', { grant_id: wide.grantId, ...mend }, worker)).toBe('allowed')
})

test('REMIT_SCOPES is not got round by renewing, nor by repeating an earlier call', async () => {
  const w = await world()
  const worker = await w.addAgent('worker', 'demo:read demo:write tokens:delegate')
  const limited = await w.startProcess({ scopes: parseScopes('demo:read') ?? [] })
  const keyed = { scopes: ['demo:write'], idempotency_key: 'k', delivery: 'meta' }
  const wide = await minted(w, worker, keyed)
  const renewal = { grant_id: wide.grantId, delivery: 'meta' }
  const there = { in: limited }
  expect(await tried(w, 'renew_token', renewal, worker, there)).toBe('exceeds_ceiling')
  expect(codeOf(await w.call(mintToken, keyed, worker, there))).toBe('exceeds_ceiling')
})

test('a narrow credential sees no grants of its agent but its own', async () => {
  const w = await world()
  const { worker, narrow } = await narrowKey(w)
  const wide = await minted(w, worker, { scopes: ['demo:write'] })
  expect((await w.result(listTokens, {}, narrow)).tokens).toEqual([])
  expect(await tried(w, 'whoami', { act_as: wide.grantId }, narrow)).toBe('not_found')
})

async function registrar(w: World): Promise<Holder> {
  await w.addType('vault', ['open'])
  return w.addAgent('registrar', 'vault:* agents:register credentials:create tokens:delegate')
}

/** The type gets one more operation, after the tokens were minted. */
const moreOperations = (w: World) =>
  w.result(registerResourceType, {
    type: 'vault',
    operations: ['open', 'destroy'],
    description: 'A vault.',
  })

test('`*` in a grant does not mean operations that were registered later', async () => {
  const w = await world()
  const agent = await registrar(w)
  const root = await minted(w, agent, { scopes: ['vault:*', 'tokens:delegate'] })
  const child = await delegated(w, root.presented, { scopes: ['vault:*'] })
  expect(await may(w, child.presented, 'vault:open')).toBe('allowed')
  await moreOperations(w)
  const later = await delegated(w, root.presented, { scopes: ['vault:*'] })
  for (const { presented } of [root, child, later]) {
    expect(await may(w, presented, 'vault:open')).toBe('allowed')
    expect(await may(w, presented, 'vault:destroy')).toBe('insufficient_scope')
  }
  const named = { scopes: ['vault:destroy'] }
  expect(codeOf(await w.call(delegateToken, named, root.presented))).toBe('exceeds_parent')
  const renewal = await renewed(w, agent, { grant_id: root.grantId })
  expect(await may(w, renewal.presented, 'vault:destroy')).toBe('insufficient_scope')
  expect(await may(w, agent, 'vault:destroy')).toBe('allowed')
})

test('a token whose `*` is older than an operation makes no agent and no credential with it', async () => {
  const w = await world()
  const agent = await registrar(w)
  const scopes = ['vault:*', 'agents:register', 'credentials:create', 'tokens:delegate']
  const root = await minted(w, agent, { scopes })
  const about = { description: '', owner: 'me', delivery: 'meta' }
  const before = { ...about, name: 'before', ceiling: ['vault:*'] }
  expect(codeOf(await w.call(registerAgent, before, root.presented))).toBe('allowed')
  await moreOperations(w)
  const after = { ...about, name: 'after', ceiling: ['vault:*'] }
  expect(codeOf(await w.call(registerAgent, after, root.presented))).toBe('exceeds_ceiling')
  const open = { ...about, name: 'after', ceiling: ['vault:open'] }
  expect(codeOf(await w.call(registerAgent, open, root.presented))).toBe('allowed')
  const added = { agent: 'registrar', kind: 'secret', delivery: 'meta' }
  for (const reach of [{}, { scopes: ['vault:*'] }, { scopes: ['vault/a/**:*'] }]) {
    const answer = await w.call(addCredential, { ...added, ...reach }, root.presented)
    expect(codeOf(answer)).toBe('exceeds_ceiling')
  }
})

test('a token does not become the secret of its agent by a handoff to itself', async () => {
  const w = await world()
  const ceiling = 'demo:read demo:write credentials:rotate'
  const worker = await w.addAgent('worker', ceiling)
  const root = await minted(w, worker, { scopes: ['credentials/worker:rotate'] })
  const args = { credential_id: worker.credentialId, delivery: 'handoff' }
  const handed = await w.result(rotateCredential, args, root.presented)
  const { handoff } = (handed as { delivery?: { handoff?: string } }).delivery ?? {}
  const claim = { handoff, delivery: 'meta' }
  expect(await tried(w, 'claim_handoff', claim, root.presented)).toBe('exceeds_ceiling')
  expect(await tried(w, 'claim_handoff', claim, worker)).toBe('allowed')
  expect(await enters(w, worker)).toBe('allowed')
})

test('a narrow secret gets no token whose scopes are too many to be told whole', async () => {
  const w = await world()
  const worker = await w.addAgent('worker', 'demo:*')
  const many = (scope: (i: number) => string) => Array.from({ length: 40 }, (_, i) => scope(i))
  const scopes = ['demo/n:read', ...many((i) => `demo/*/x${i}:read`)]
  const { grantId } = await minted(w, worker, { scopes, grant_ttl_seconds: 3600 })
  // Of these and those above only `demo/n:read` is told, and each `demo/a1/x1:read` is allowed.
  const ceiling = ['demo/n:read', ...many((i) => `demo/a${i}/*:read`)]
  await w.result(updateAgent, { agent: 'worker', ceiling })
  const wanted = { agent: 'worker', kind: 'secret', scopes: ['demo/n:read'], delivery: 'meta' }
  const presentedSecret = handedIn(await w.call(addCredential, wanted))
  const narrow = { kind: 'secret', agentId: worker.id, presentedSecret } as const
  const asked = { grant_id: grantId, delivery: 'meta' }
  expect(await tried(w, 'renew_token', asked, narrow)).toBe('exceeds_ceiling')
  const renewal = await w.call(renewToken, asked, worker)
  expect(await may(w, byToken(renewal), 'demo/a1/x1:read')).toBe('allowed')
})
