// Authority, rule 1: only proof of a credential makes a root, and only within what it reaches.

import { expect, test } from 'vitest'
import { addCredential } from '../../src/operations/add-credential.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { parseScopes } from '../../src/core/scope.ts'
import { world } from '../support/world.ts'
import { delegated, may, minted, secretFrom } from './attack.ts'

const delegateInstead = {
  text: 'Only proof of a credential makes a root. Delegate from the grant that you have.',
  operation: 'delegate_token',
}

test('a token that asks for a root of its own is sent to delegate_token', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes: ['demo:read'] })
  const child = await delegated(w, w.local, { scopes: ['demo:read'] })
  for (const { presented, grantId } of [root, child]) {
    const refused = await w.refusal(mintToken, { scopes: ['demo:read'] }, presented)
    expect(refused.toError()).toEqual({
      code: 'exceeds_parent',
      message: 'A token cannot mint a root.',
      missing_at: grantId,
      remedy: delegateInstead,
      decision_id: expect.stringMatching(/^evt_/),
    })
  }
})

test('a token in the metadata mints no root although the environment holds a credential', async () => {
  const w = await world()
  const root = await minted(w, w.local, { scopes: ['demo:read'] })
  const meta = { 'dev.remit/token': root.text }
  const refused = await w.refusal(mintToken, { scopes: ['demo:read'] }, w.local, { meta })
  expect([refused.code, refused.detail.remedy]).toEqual(['exceeds_parent', delegateInstead])
})

test('acting down mints no root, whether the argument or the harness asks for it', async () => {
  const w = await world()
  const { grantId } = await minted(w, w.local, { scopes: ['demo:read'] })
  const byArgument = { scopes: ['demo:read'], act_as: grantId }
  const argument = await w.refusal(mintToken, byArgument, w.local)
  const meta = { 'dev.remit/act_as': grantId }
  const harness = await w.refusal(mintToken, { scopes: ['demo:read'] }, w.local, { meta })
  for (const { code, detail } of [argument, harness]) {
    expect([code, detail.remedy]).toEqual(['exceeds_parent', delegateInstead])
  }
})

test('a root goes beyond neither ceiling, nor credential, nor REMIT_SCOPES', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read demo:write')
  const key = await w.call(
    addCredential,
    {
      agent: 'worker',
      kind: 'api_key',
      scopes: ['demo:read'],
      expires_at: 'never',
      delivery: 'meta',
    },
    agent,
  )
  const narrow = secretFrom(key, agent.id)
  const limited = await w.startProcess({ scopes: parseScopes('demo:write') ?? [] })
  const rows = [
    ['the ceiling', agent, w.context, 'demo:read', 'allowed'],
    ['the ceiling', agent, w.context, 'demo:delete', 'exceeds_ceiling'],
    ['the ceiling', agent, w.context, 'demo:*', 'exceeds_ceiling'],
    ['the credential', narrow, w.context, 'demo:read', 'allowed'],
    ['the credential', narrow, w.context, 'demo:write', 'exceeds_ceiling'],
    ['REMIT_SCOPES', agent, limited, 'demo:write', 'allowed'],
    ['REMIT_SCOPES', agent, limited, 'demo:read', 'exceeds_ceiling'],
    ['all three', narrow, limited, 'demo:read', 'exceeds_ceiling'],
    ['all three', narrow, limited, 'demo:write', 'exceeds_ceiling'],
  ] as const
  for (const [what, as, where, scope, expected] of rows) {
    const answer = await w.call(mintToken, { scopes: [scope] }, as, { in: where })
    expect([what, scope, answer.ok ? 'allowed' : answer.refusal.code]).toEqual([
      what,
      scope,
      expected,
    ])
  }
})

test('a root minted by a narrow credential stays narrow wherever its token is shown', async () => {
  const w = await world()
  const agent = await w.addAgent('worker', 'demo:read demo:write')
  const limited = await w.startProcess({ scopes: parseScopes('demo:read') ?? [] })
  const root = await minted(w, agent, { scopes: ['demo:read'] }, { in: limited })
  expect(await may(w, root.presented, 'demo:read')).toBe('allowed')
  expect(await may(w, root.presented, 'demo:write')).toBe('insufficient_scope')
})
