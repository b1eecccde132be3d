// claim_handoff: fetches, once, what was handed over to one's agent.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'
import { ask, askForAll, contents, lastEvent, refuse, rootOf, whoami } from './asking.ts'

/** A token handed to an agent `helper` by `local`. */
async function handedToken() {
  const w = await world()
  const helper = await w.addAgent('helper', 'demo:*')
  const asked = { scopes: ['demo:read'], to: 'helper', ttl_seconds: 60, grant_ttl_seconds: 3000 }
  const made = await ask(w, delegateToken, { ...asked, delivery: 'handoff' }, w.local)
  return { w, helper, made, handoff: made.delivery?.handoff ?? '' }
}

/** The first secret of another credential of `local`, handed over by the administrator. */
async function handedSecret() {
  const w = await world()
  const traits = { name: 'fresh', description: '', owner: 'tests', ceiling: ['demo:read'] }
  const fresh = await ask(w, registerAgent, { ...traits, credential: { kind: 'none' } })
  const wanted = { agent: 'fresh', kind: 'secret', delivery: 'handoff' }
  const made = await ask(w, addCredential, wanted)
  return { w, agentId: fresh.agent_id, made, handoff: made.delivery?.handoff ?? '' }
}

const nobody = { kind: 'nothing' } as const

const secretOf = (w: World, agentId: string, presentedSecret: string) =>
  ask(w, whoami, {}, { kind: 'secret', agentId, presentedSecret })

describe('a token', () => {
  test('is made when its recipient claims it, as long as was said', async () => {
    const { w, helper, made, handoff } = await handedToken()
    w.pass(100)
    const claimed = await askForAll(w, claimHandoff, { handoff, delivery: 'meta' }, helper)
    expect(claimed.result).toEqual({
      ...made,
      token_id: expect.not.stringMatching(made.token_id),
      expires_at: w.now() + 60,
      delivery: { kind: 'meta' },
    })
    const presentedToken = claimed.meta['dev.remit/token'] ?? ''
    expect(await ask(w, whoami, {}, { kind: 'token', presentedToken })).toMatchObject({
      grant: { id: made.grant_id },
    })
  })

  test('may be claimed by the recipient’s own token, with the code in the metadata', async () => {
    const { w, helper, made, handoff } = await handedToken()
    const { presented } = await rootOf(w, helper, { scopes: ['demo:read'] })
    expect(helper.id).toBe(made.agent_id)
    const meta = {
      'dev.remit/handoff': handoff,
      'dev.remit/token': presented.presentedToken,
    }
    expect(await ask(w, claimHandoff, {}, nobody, { meta })).toMatchObject({
      grant_id: made.grant_id,
      delivery: { kind: 'handle' },
    })
  })

  test('is for nobody else, who leaves a finding and no other effect', async () => {
    const { w, helper, handoff } = await handedToken()
    const unknown = await refuse(w, claimHandoff, { handoff: 'rmt_hof_x' }, w.local)
    const before = await contents(w)
    for (const stranger of [w.local, w.admin]) {
      expect(await refuse(w, claimHandoff, { handoff }, stranger)).toEqual(unknown)
      expect(await lastEvent(w)).toMatchObject({
        outcome: 'refused',
        code: 'not_found',
        detail: JSON.stringify({ finding: 'handoff_by_stranger' }),
      })
    }
    expect((await contents(w))['handoffs']).toEqual(before['handoffs'])
    expect(await ask(w, claimHandoff, { handoff }, helper)).toMatchObject({ agent_id: helper.id })
  })

  test('claimed a second time is revoked, and nothing above it', async () => {
    const { w, helper, made, handoff } = await handedToken()
    await ask(w, claimHandoff, { handoff }, helper)
    expect(await refuse(w, claimHandoff, { handoff }, helper)).toMatchObject({
      code: 'handoff_already_claimed',
    })
    expect(await lastEvent(w)).toMatchObject({
      code: 'handoff_already_claimed',
      detail: JSON.stringify({ finding: 'second_claim' }),
    })
    const { live } = w.context
    expect(live.revocations(`grant:${made.grant_id}`)).toHaveLength(1)
    expect(live.revocations(`grant:${made.lineage[0]}`)).toEqual([])
  })

  test('claimed again with the same key is a retry', async () => {
    const { w, helper, made, handoff } = await handedToken()
    const asked = { handoff, idempotency_key: 'k' }
    await ask(w, claimHandoff, asked, helper)
    expect(await ask(w, claimHandoff, asked, helper)).toMatchObject({ grant_id: made.grant_id })
    expect(w.context.live.revocations(`grant:${made.grant_id}`)).toEqual([])
    const other = { handoff, idempotency_key: 'other' }
    expect(await refuse(w, claimHandoff, other, helper)).toMatchObject({
      code: 'handoff_already_claimed',
    })
  })

  test('cannot be claimed after ten minutes', async () => {
    const { w, helper, handoff } = await handedToken()
    w.pass(600)
    expect(await refuse(w, claimHandoff, { handoff }, helper)).toMatchObject({ code: 'not_found' })
  })
})

describe('a first secret', () => {
  test('is claimed by its code alone, once', async () => {
    const { w, agentId, made, handoff } = await handedSecret()
    const { result, meta } = await askForAll(w, claimHandoff, { handoff, delivery: 'meta' }, nobody)
    expect(result).toEqual({
      agent_id: agentId,
      credential_id: made.credential_id,
      delivery: { kind: 'meta' },
    })
    expect(await secretOf(w, agentId, meta['dev.remit/secret'] ?? '')).toMatchObject({
      method: 'secret',
    })
    const again = await w.refusal(claimHandoff, { handoff, delivery: 'meta' }, nobody)
    expect(again.code).toBe('handoff_already_claimed')
    await expect(secretOf(w, agentId, meta['dev.remit/secret'] ?? '')).rejects.toMatchObject({
      code: 'invalid_client',
    })
  })

  test('goes to a file by default, which holds what a credential file holds', async () => {
    const { w, agentId, made, handoff } = await handedSecret()
    const { delivery } = await ask(w, claimHandoff, { handoff }, nobody)
    expect(JSON.parse(readFileSync(delivery?.path ?? '', 'utf8'))).toEqual({
      agent_id: agentId,
      credential_id: made.credential_id,
      secret: expect.stringMatching(/^rmt_sec_/),
    })
  })

  test('cannot be claimed after ten minutes', async () => {
    const { w, handoff } = await handedSecret()
    w.pass(600)
    expect((await w.refusal(claimHandoff, { handoff }, nobody)).code).toBe('not_found')
  })
})

describe('the code', () => {
  test.each<[string, (handoff: string, w: World) => Record<string, unknown>, string]>([
    ['nowhere', () => ({}), 'invalid_request'],
    ['of no kind', () => ({ handoff: 'nothing' }), 'not_found'],
    ['handed on', (handoff) => ({ handoff, delivery: 'handoff' }), 'invalid_request'],
    ['sealed to no key', (handoff) => ({ handoff, delivery: 'sealed' }), 'invalid_request'],
    ['of another class', (_, w) => ({ handoff: w.local.secret }), 'invalid_request'],
  ])('%s is refused', async (_, asked, code) => {
    const { w, helper, handoff } = await handedToken()
    expect(await refuse(w, claimHandoff, asked(handoff, w), helper)).toMatchObject({ code })
    const claimed = await ask(w, claimHandoff, { handoff }, helper)
    expect(claimed.delivery).toEqual({ kind: 'handle' })
  })

  test('in two places is refused', async () => {
    const { w, helper, handoff } = await handedToken()
    const meta = { 'dev.remit/handoff': handoff }
    expect(await refuse(w, claimHandoff, { handoff }, helper, { meta })).toMatchObject({
      code: 'invalid_request',
    })
  })

  test('is not claimed under act_as', async () => {
    const { w, made, handoff } = await handedToken()
    const asked = { handoff, act_as: made.grant_id }
    expect(await refuse(w, claimHandoff, asked, w.local)).toMatchObject({ code: 'invalid_request' })
  })
})

test.each<[string, (w: World, helper: Holder) => Holder]>([
  ['by its recipient', (_, helper) => helper],
])('a dry run %s claims nothing', async (_, who) => {
  const { w, helper, handoff } = await handedToken()
  const as = who(w, helper)
  await ask(w, whoami, {}, as)
  const before = await contents(w)
  expect(await ask(w, claimHandoff, { handoff, dry_run: true }, as)).toMatchObject({
    dry_run: true,
  })
  expect(await contents(w)).toEqual(before)
})

test('a dry run by nobody known claims nothing', async () => {
  const { w, handoff } = await handedSecret()
  const before = await contents(w)
  await w.call(claimHandoff, { handoff, dry_run: true }, nobody)
  expect(await contents(w)).toEqual(before)
  const { delivery } = await ask(w, claimHandoff, { handoff }, nobody)
  expect(delivery?.kind).toBe('file')
})
