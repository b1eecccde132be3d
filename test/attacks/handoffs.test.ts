// Attacks on handoffs (authority: 21). A code in the wrong hands is worth nothing; a code that was used
// twice ends what it stood for, and nothing above it.

import { describe, expect, test } from 'vitest'
import type { Presented } from '../../src/authority/presented.ts'
import { addCredential } from '../../src/operations/add-credential.ts'
import { claimHandoff } from '../../src/operations/claim-handoff.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { authorityIn, byToken, findingsOf, handedIn } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { Holder, World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const nobody: Presented = { kind: 'nothing' }
const meta = { delivery: 'meta' }

/** A token for `worker`, delegated by local and handed over by a code. */
async function handedOver(w: World) {
  const worker = await w.addAgent('worker', 'demo:*')
  const asked = { scopes: ['demo:read'], to: 'worker', grant_ttl_seconds: 3600 }
  const answer = await w.result(delegateToken, { ...asked, delivery: 'handoff' }, w.local)
  return { worker, handoff: codeIn(answer), grantId: answer.grant_id }
}

const codeIn = (answer: object): string => {
  const { delivery } = answer as { delivery?: { kind: string; handoff?: string } }
  if (delivery?.handoff === undefined) throw new Error('There is no code.')
  return delivery.handoff
}

/** A new agent whose first secret waits for whoever has the code. */
async function firstSecret(w: World) {
  const agent = { name: 'fresh', description: '', owner: 'o', ceiling: ['demo:read'] }
  const answer = await w.result(registerAgent, { ...agent, delivery: 'handoff' })
  return { agentId: answer.agent_id, handoff: codeIn(answer) }
}

const isLive = async (w: World, grantId: string, as: Holder = w.local) =>
  (await w.call(whoami, { act_as: grantId }, as)).ok

describe('a code in the hands of less than the recipient', () => {
  test('a narrow credential of it claims nothing wider, and spoils nothing', async () => {
    const w = await world()
    const { worker, handoff, grantId } = await handedOver(w)
    const narrow = { agent: worker.id, kind: 'secret', scopes: ['demo:write'], ...meta }
    const secret = handedIn(await w.call(addCredential, narrow))
    const as = { kind: 'secret', agentId: worker.id, presentedSecret: secret } as const
    const refused = await w.refusal(claimHandoff, { handoff, ...meta }, as)
    expect(refused.toError()).toMatchObject({ code: 'exceeds_ceiling', missing: ['demo:read'] })
    expect(await isLive(w, grantId)).toBe(true)
    expect((await w.call(claimHandoff, { handoff, ...meta }, worker)).ok).toBe(true)
  })
})

describe('a code in the hands of another', () => {
  test.each([
    ['another agent', (w: World) => w.addAgent('thief', 'demo:*')],
    ['the agent that handed over', (w: World) => Promise.resolve(w.local)],
    ['the administrator', (w: World) => Promise.resolve(w.admin)],
  ])('%s finds nothing, and leaves a finding', async (_, thief) => {
    const w = await world()
    const { worker, handoff } = await handedOver(w)
    const by = await thief(w)
    await w.result(whoami, {}, by)
    const before = authorityIn(w)
    const stolen = await w.refusal(claimHandoff, { handoff, ...meta }, by)
    expect(stolen.toError()).toMatchObject({
      code: 'not_found',
      message: 'There is no such handoff for this caller.',
    })
    expect(authorityIn(w)).toEqual(before)
    expect(await findingsOf(w)).toEqual(['handoff_by_stranger'])
    expect((await w.call(claimHandoff, { handoff, ...meta }, worker)).ok).toBe(true)
  })

  test('nobody at all and another organisation find nothing either', async () => {
    const w = await world()
    const { handoff } = await handedOver(w)
    const { admin } = await w.addOrg('other')
    for (const by of [nobody, admin]) {
      expect((await w.refusal(claimHandoff, { handoff, ...meta }, by)).code).toBe('not_found')
    }
  })

  test('a known code and an unknown one answer alike', async () => {
    const w = await world()
    const { handoff } = await handedOver(w)
    const thief = await w.addAgent('thief', 'demo:*')
    const other = await world()
    const { handoff: foreign } = await handedOver(other)
    const [known, unknown] = await Promise.all(
      [handoff, foreign].map((code) => w.refusal(claimHandoff, { handoff: code, ...meta }, thief)),
    )
    const same = { decision_id: 'x' }
    expect({ ...known?.toError(), ...same }).toEqual({ ...unknown?.toError(), ...same })
  })

  test('acting for the recipient is not being it', async () => {
    const w = await world()
    const { handoff, grantId } = await handedOver(w)
    const asked = { handoff, ...meta }
    const byMeta = { meta: { 'dev.remit/act_as': grantId } }
    const argument = { ...asked, act_as: grantId }
    expect((await w.refusal(claimHandoff, argument, w.local)).code).toBe('invalid_request')
    expect((await w.refusal(claimHandoff, asked, w.local, byMeta)).code).toBe('invalid_request')
    expect(await isLive(w, grantId)).toBe(true)
  })

  test('minting hands over to oneself alone', async () => {
    const w = await world()
    const asked = { scopes: ['demo:read'], grant_ttl_seconds: 900, delivery: 'handoff' }
    const handoff = codeIn(await w.result(mintToken, asked, w.local))
    expect((await w.refusal(claimHandoff, { handoff, ...meta }, w.admin)).code).toBe('not_found')
    expect((await w.call(claimHandoff, { handoff, ...meta }, w.local)).ok).toBe(true)
  })

  test('the secret of a stronger agent is claimed by that agent alone', async () => {
    const w = await world()
    const rotator = await w.addAgent('rotator', 'credentials:rotate')
    const credential = { credential_id: w.local.credentialId }
    const rotate = (delivery: string) =>
      w.call(rotateCredential, { ...credential, delivery }, rotator)
    for (const delivery of ['meta', 'file', 'inline']) {
      const answer = await rotate(delivery)
      expect(!answer.ok && answer.refusal.code).toBe('exceeds_ceiling')
    }
    const answer = await rotate('handoff')
    const handoff = codeIn(answer.ok ? answer.result : {})
    expect((await w.refusal(claimHandoff, { handoff, ...meta }, rotator)).code).toBe('not_found')
    const secret = handedIn(await w.call(claimHandoff, { handoff, ...meta }, w.local))
    const by: Presented = { kind: 'secret', agentId: w.local.id, presentedSecret: secret }
    expect((await w.result(whoami, {}, by)).agent.id).toBe(w.local.id)
  })
})

describe('a second claim', () => {
  test('ends what was handed over, and nothing above it', async () => {
    const w = await world()
    const { worker, handoff, grantId } = await handedOver(w)
    const first = await w.call(claimHandoff, { handoff, ...meta }, worker)
    expect(await isLive(w, grantId)).toBe(true)
    const second = await w.refusal(claimHandoff, { handoff, ...meta }, worker)
    expect(second.code).toBe('handoff_already_claimed')
    expect(await findingsOf(w)).toEqual(['second_claim'])
    expect((await w.refusal(whoami, {}, byToken(first))).code).toBe('invalid_token')
    expect((await w.result(whoami, {}, w.local)).grant.depth).toBe(0)
    expect((await w.result(whoami, {}, worker)).agent.id).toBe(worker.id)
  })

  test('with the same key and credential is a retry; with another credential it is not', async () => {
    const w = await world()
    const { worker, handoff, grantId } = await handedOver(w)
    const added = { agent: worker.id, kind: 'secret', ...meta }
    const another: Presented = {
      kind: 'secret',
      agentId: worker.id,
      presentedSecret: handedIn(await w.call(addCredential, added)),
    }
    const asked = { handoff, ...meta, idempotency_key: 'k' }
    const first = await w.call(claimHandoff, asked, worker)
    const retry = await w.call(claimHandoff, asked, worker)
    expect(handedIn(retry)).not.toBe(handedIn(first))
    expect(await isLive(w, grantId)).toBe(true)
    const stolen = await w.refusal(claimHandoff, asked, another)
    expect(stolen.code).toBe('handoff_already_claimed')
    expect(await isLive(w, grantId)).toBe(false)
  })

  test('of twenty first claims at once, over two processes, exactly one wins', async () => {
    const w = await world()
    const { worker, handoff, grantId } = await handedOver(w)
    const processes = [w.context, await w.startProcess()]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        w.call(claimHandoff, { handoff, ...meta }, worker, { in: processes[i % 2] ?? w.context }),
      ),
    )
    const codes = answers.map((answer) => (answer.ok ? 'won' : answer.refusal.code))
    expect(codes.filter((code) => code === 'won')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['won', 'handoff_already_claimed']))
    expect(await isLive(w, grantId)).toBe(false)
  })

  test('a dry run claims nothing', async () => {
    const w = await world()
    const { worker, handoff } = await handedOver(w)
    const asked = { handoff, ...meta }
    await w.result(whoami, {}, worker)
    const before = authorityIn(w)
    const dry = await w.call(claimHandoff, { ...asked, dry_run: true }, worker)
    expect(dry.ok && dry.result).not.toHaveProperty('delivery')
    expect(dry).not.toHaveProperty('meta')
    expect(authorityIn(w)).toEqual(before)
    expect((await w.call(claimHandoff, asked, worker)).ok).toBe(true)
  })

  test('a code is good for ten minutes, and only while the grant is', async () => {
    const w = await world()
    const { worker, handoff } = await handedOver(w)
    w.pass(600)
    expect((await w.refusal(claimHandoff, { handoff, ...meta }, worker)).code).toBe('not_found')
  })
})

describe('a first secret', () => {
  test('is claimed by its code alone, once; a second try ends the credential', async () => {
    const w = await world()
    const { agentId, handoff } = await firstSecret(w)
    const asked = { handoff, ...meta }
    const secret = handedIn(await w.call(claimHandoff, asked, nobody))
    const by: Presented = { kind: 'secret', agentId, presentedSecret: secret }
    expect((await w.result(whoami, {}, by)).agent.id).toBe(agentId)
    const second = await w.refusal(claimHandoff, asked, nobody)
    expect(second.code).toBe('handoff_already_claimed')
    expect((await w.refusal(whoami, {}, by)).code).toBe('invalid_client')
    expect(await findingsOf(w)).toContain('second_claim')
  })

  test('is not claimed after ten minutes', async () => {
    const w = await world()
    const { handoff } = await firstSecret(w)
    w.pass(600)
    const late = await w.refusal(claimHandoff, { handoff, ...meta }, nobody)
    expect(late.code).toBe('not_found')
  })

  test('a second try ends it although its process knew nothing of the first', async () => {
    const w = await world()
    const { agentId, handoff } = await firstSecret(w)
    const behind = await w.startProcess()
    const secret = handedIn(await w.call(claimHandoff, { handoff, ...meta }, nobody))
    const { refresh } = behind.live
    let asked = 0
    const live = Object.create(behind.live, {
      refresh: { value: () => ((asked += 1) === 1 ? undefined : refresh()) },
    }) as typeof behind.live
    const second = await w.refusal(claimHandoff, { handoff, ...meta }, nobody, {
      in: { ...behind, live },
    })
    expect(second.code).toBe('handoff_already_claimed')
    const by: Presented = { kind: 'secret', agentId, presentedSecret: secret }
    expect((await w.refusal(whoami, {}, by)).code).toBe('invalid_client')
  })

  test('of ten tries at once one wins, and the credential is dead', async () => {
    const w = await world()
    const { agentId, handoff } = await firstSecret(w)
    const processes = [w.context, await w.startProcess()]
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        w.call(claimHandoff, { handoff, ...meta }, nobody, { in: processes[i % 2] ?? w.context }),
      ),
    )
    const won = answers.filter(({ ok }) => ok)
    expect(won).toHaveLength(1)
    const presentedSecret = handedIn(won[0] as (typeof answers)[number])
    const by: Presented = { kind: 'secret', agentId, presentedSecret }
    expect((await w.refusal(whoami, {}, by)).code).toBe('invalid_client')
  })
})
