// Laws 3 and 4 against the timing of two processes: whatever ends or cuts authority wins over whatever
// is being made of it at the same time.

import { expect, test } from 'vitest'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { perform } from '../../src/operations/perform.ts'
import type { Answer } from '../../src/operations/perform.ts'
import { insertRevocation } from '../../src/store/revocations.ts'
import { certify } from '../support/certificates.ts'
import { isOnPostgres } from '../support/database.ts'
import { rounds } from '../support/rounds.ts'
import { revocation } from '../support/state.ts'
import type { Holder, World } from '../support/world.ts'
import { world } from '../support/world.ts'
import { codeOf, delegated, enters, heldFrom, may, minted, named } from './attack.ts'
import type { Held } from './attack.ts'

/** On PostgreSQL each takes ten times as long, and the long run has them all. */
const tries = rounds({ short: isOnPostgres() ? 6 : 12, long: 20 })

/** Lets a few turns pass, so that every round meets the other side at another step. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => void setImmediate(resolve))
}

interface Cast {
  readonly w: World
  readonly boss: Holder
  readonly helper: Holder
  readonly root: Held
}

type End = readonly [operation: string, args: (cast: Cast) => Record<string, unknown>]

const suspend = (agent: string) => ({ agent, status: 'suspended', cause: 'c' })
const cut = (agent: string) => ({ agent, ceiling: ['demo:read'] })

const ends: Readonly<Record<string, End>> = {
  'its parent is revoked': ['revoke_token', ({ root }) => ({ grant_id: root.grantId, cause: 'c' })],
  'the token it is made with is revoked': [
    'revoke_token',
    ({ root }) => ({ token_id: root.tokenId, cause: 'c' }),
  ],
  'all tokens of the agent above are revoked': [
    'revoke_token',
    ({ boss }) => ({ agent: boss.name, cause: 'c' }),
  ],
  'what its credential made is revoked': [
    'revoke_token',
    ({ boss }) => ({ credential_id: boss.credentialId, cause: 'c' }),
  ],
  'its credential is revoked': [
    'revoke_credential',
    ({ boss }) => ({ credential_id: boss.credentialId, cause: 'c' }),
  ],
  'its task is revoked': ['revoke_token', () => ({ task: 'job', cause: 'c' })],
  'the agent above is suspended': ['set_agent_status', ({ boss }) => suspend(boss.name)],
  'its receiver is suspended': ['set_agent_status', ({ helper }) => suspend(helper.name)],
  'the ceiling above is cut': ['update_agent', ({ boss }) => cut(boss.name)],
  'the ceiling of its receiver is cut': ['update_agent', ({ helper }) => cut(helper.name)],
}

test.each(Object.keys(ends))('no child that can write is left while %s', async (how) => {
  const [operation, argsOf] = ends[how] as End
  const w = await world()
  const there = await w.startProcess()
  for (let round = 0; round < tries; round++) {
    const boss = await w.addAgent(`boss${round}`, 'demo:* tokens:delegate')
    const helper = await w.addAgent(`helper${round}`, 'demo:*')
    const scopes = ['demo:write', 'tokens:delegate']
    const root = await minted(w, boss, { scopes, task: 'job' })
    const args = { scopes: ['demo:write'], to: helper.name, delivery: 'meta' }
    const make = () => w.call(delegateToken, args, root.presented)
    const before = await make()
    const making = Array.from({ length: 4 }, async (_, i) => {
      await turns((round + i * 2) % 7)
      return make()
    })
    const ending = turns((round * 3) % 5).then(() =>
      w.result(named(operation), argsOf({ w, boss, helper, root }), w.admin, { in: there }),
    )
    const [during] = await Promise.all([Promise.all(making), ending])
    const after = await make()
    expect([before.ok, after.ok]).toEqual([true, false])
    await expectNoWriter(w, [before, ...during], [w.context, there])
    // Chains of several processes have no order among them.
    const oneChain = w.context.store.engine === 'sqlite'
    expect(oneChain ? madeAfter(w, operation) : 0).toBe(0)
  }
})

/**
 * Children that were committed after the newest end: where there is one chain, the record has every event
 * in its order. On PostgreSQL one may be committed after it, and is dead as soon as it is used.
 */
const madeAfter = (w: World, operation: string) =>
  w.read(`
    select count(*) from audit_events
    where operation = 'delegate_token' and outcome = 'allowed' and seq > (
      select max(seq) from audit_events where operation = '${operation}' and outcome = 'allowed'
    )`)

async function expectNoWriter(w: World, answers: readonly Answer[], places: World['context'][]) {
  for (const answer of answers.filter(({ ok }) => ok)) {
    const { presented } = heldFrom(answer)
    for (const where of places) {
      expect(await may(w, presented, 'demo:write', { in: where })).not.toBe('allowed')
    }
  }
}

test('no root is left of a credential that was revoked while it minted, nor a token of one', async () => {
  const w = await world()
  const there = await w.startProcess()
  for (let round = 0; round < tries; round++) {
    const boss = await w.addAgent(`boss${round}`, 'demo:*')
    const old = await minted(w, boss, { scopes: ['demo:write'], grant_ttl_seconds: 1000 })
    const making = [
      w.call(mintToken, { scopes: ['demo:write'], delivery: 'meta' }, boss),
      w.call(named('renew_token'), { grant_id: old.grantId, delivery: 'meta' }, boss),
      w.call(named('renew_token'), { delivery: 'meta' }, old.presented),
    ]
    const ending = turns(round % 6).then(() => {
      const args = { credential_id: boss.credentialId, cause: 'c' }
      return w.result(named('revoke_credential'), args, w.admin, { in: there })
    })
    const [answers] = await Promise.all([Promise.all(making), ending])
    await expectNoWriter(w, answers, [w.context, there])
  }
})

test('a token obtained with a credential dies with it, though its grant lives on', async () => {
  const w = await world()
  const boss = await w.addAgent('boss', 'demo:read tokens:delegate')
  const helper = await w.addAgent('helper', 'demo:read tokens:delegate')
  const first = await delegated(w, boss, {
    scopes: ['demo:read', 'tokens:delegate'],
    to: 'helper',
    grant_ttl_seconds: 1000,
  })
  const args = { grant_id: first.grantId, delivery: 'meta' }
  const stolen = heldFrom(await w.call(named('renew_token'), args, helper))
  const again = heldFrom(await w.call(named('renew_token'), { delivery: 'meta' }, stolen.presented))
  const child = await delegated(w, stolen.presented, { scopes: ['demo:read'] })
  const revoke = { credential_id: helper.credentialId, cause: 'stolen' }
  await w.result(named('revoke_credential'), revoke)
  expect(await enters(w, stolen.presented)).toBe('invalid_token')
  expect(await enters(w, again.presented)).toBe('invalid_token')
  expect(await enters(w, child.presented)).toBe('invalid_token')
  expect(await enters(w, first.presented)).toBe('allowed')
})

test('what another process revoked is dead for the very next call here', async () => {
  const w = await world()
  const there = await w.startProcess()
  for (let round = 0; round < tries; round++) {
    const root = await minted(w, w.local, { scopes: ['demo:read'] })
    expect(await enters(w, root.presented)).toBe('allowed')
    const args = { grant_id: root.grantId, cause: 'c' }
    await w.result(named('revoke_token'), args, w.admin, { in: there })
    expect(await enters(w, root.presented)).toBe('invalid_token')
  }
})

test('of two calls that spend the last use one is refused, over two processes', async () => {
  const w = await world()
  const there = await w.startProcess()
  for (let round = 0; round < tries; round++) {
    const root = await minted(w, w.local, { scopes: ['demo:read'], uses: 1 })
    const answers = await Promise.all(
      [w.context, there].map((where) =>
        w.call(named('check_permission'), { permissions: ['demo:read'] }, root.presented, {
          in: where,
        }),
      ),
    )
    expect(answers.map(codeOf).toSorted()).toEqual(['allowed', 'uses_exhausted'])
  }
})

test('of two registrations of one authority under two names one holds, over two processes', async () => {
  const w = await world()
  const there = await w.startProcess()
  const life = { notBefore: w.now(), notAfter: w.now() + 1000 }
  for (let round = 0; round < tries; round++) {
    const { pem: certificate } = certify({ ...life, name: `ca${round}`, isCa: true })
    const before = Number(w.read('select count(*) from trust_anchors'))
    const register = (name: string, where: World['context']) =>
      w.call(named('register_trust_anchor'), { name, certificate }, w.admin, { in: where })
    const answers = await Promise.all([
      register(`one${round}`, w.context),
      register(`two${round}`, there),
    ])
    expect(answers.map(codeOf).toSorted()).toEqual(['allowed', 'conflict'])
    expect(Number(w.read('select count(*) from trust_anchors'))).toBe(before + 1)
  }
})

test('no child is made by a caller whose grant is revoked after it was authenticated, before it is decided', async () => {
  const w = await world()
  const { store, live, committer } = w.context
  const root = await minted(w, w.admin, { scopes: ['demo:read', 'tokens:delegate'] })
  const { seq: _, ...rest } = revocation({ orgId: w.orgId, target: root.grantId, at: w.now() })
  const before = w.read('select count(*) from grants')
  let isRevoked = false
  // Between these two moments a proof is spent, and another call takes in what was revoked.
  const submit: typeof committer.submit = async (unit) => {
    const state = await committer.submit(unit)
    if (isRevoked) return state
    isRevoked = true
    await store.commit([{ writes: [insertRevocation(rest)], events: [] }], w.now())
    await live.catchUp()
    return state
  }
  const context = { ...w.context, committer: { ...committer, submit } }
  const answer = await perform(context, named('delegate_token'), {
    environment: root.presented,
    arguments: { scopes: ['demo:read'] },
    spends: { id: 'proof/once', until: w.now() + 60 },
  })
  expect([isRevoked, codeOf(answer)]).toEqual([true, 'invalid_token'])
  expect(w.read('select count(*) from grants')).toBe(before)
})
