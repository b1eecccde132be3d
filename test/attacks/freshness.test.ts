// Attacks in the gap between a restriction and those who do not know of it yet (authority: 29 and 30).
// Every process sees what another committed at its next call; a decision that awaited is taken again.

import { describe, expect, test, vi } from 'vitest'
import type { Context } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import { registerAgent } from '../../src/operations/register-agent.ts'
import { revokeCredential } from '../../src/operations/revoke-credential.ts'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { rotateCredential } from '../../src/operations/rotate-credential.ts'
import { setAgentStatus } from '../../src/operations/set-agent-status.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { whoamiAmong } from '../../src/operations/whoami.ts'
import { byToken, grantIn, tablesOf } from '../support/evidence.ts'
import { world } from '../support/world.ts'
import type { World } from '../support/world.ts'

const whoami = whoamiAmong(() => [])
const cause = 'test'
const asked = { scopes: ['demo:read', 'tokens:delegate'], grant_ttl_seconds: 900, delivery: 'meta' }
const reading = { permissions: ['demo:read'] }

interface Scene {
  readonly w: World
  readonly other: Context
  readonly grantId: string
  readonly as: Presented
}

/** A token that both processes have just answered for. */
async function scene(): Promise<Scene> {
  const w = await world()
  const other = await w.startProcess()
  const minted = await w.call(mintToken, asked, w.local)
  const as = byToken(minted)
  for (const context of [w.context, other]) {
    await w.result(checkPermission, reading, as, { in: context })
    await w.result(checkPermission, reading, w.local, { in: context })
  }
  return { w, other, grantId: grantIn(minted), as }
}

/** Each restriction, and what the next call by the token is told. */
const restrictions: readonly (readonly [string, (s: Scene) => Promise<object>, string])[] = [
  [
    'a revoked grant',
    ({ w, grantId }) => w.result(revokeToken, { grant_id: grantId, cause }),
    'invalid_token',
  ],
  [
    'a revoked credential',
    ({ w }) => w.result(revokeCredential, { credential_id: w.local.credentialId, cause }),
    'invalid_token',
  ],
  [
    'a rotation at once',
    ({ w }) => w.result(rotateCredential, { overlap_seconds: 0, delivery: 'meta' }, w.local),
    'invalid_token',
  ],
  [
    'a suspended agent',
    ({ w }) => w.result(setAgentStatus, { agent: 'local', status: 'suspended', cause }),
    'agent_suspended',
  ],
  [
    'a cut ceiling',
    ({ w }) => w.result(updateAgent, { agent: 'local', ceiling: ['demo:write'] }),
    'insufficient_scope',
  ],
]

const codeOf = async (
  { w, as }: Pick<Scene, 'w' | 'as'>,
  context: Context,
  asked = reading,
): Promise<string> => {
  const answer = await w.call(checkPermission, asked, as, { in: context })
  if (!answer.ok) return answer.refusal.code
  const [result] = answer.result['results'] as readonly { readonly code: string }[]
  return result?.code ?? ''
}

describe('the next call, in every process, is told of', () => {
  test.each(restrictions)('%s', async (_, restrict, code) => {
    const s = await scene()
    await restrict(s)
    expect([await codeOf(s, s.other), await codeOf(s, s.w.context)]).toEqual([code, code])
  })

  test.each(restrictions)('%s made by the other process', async (_, restrict, code) => {
    const s = await scene()
    const w: World = {
      ...s.w,
      result: (operation, args, as = s.w.admin, request = {}) =>
        s.w.result(operation, args, as, { ...request, in: s.other }),
    }
    await restrict({ ...s, w })
    expect([await codeOf(s, s.w.context), await codeOf(s, s.other)]).toEqual([code, code])
  })
})

describe('a read that awaited is decided again on', () => {
  test.each(restrictions)('%s', async (_, restrict, code) => {
    const s = await scene()
    const { handle } = checkPermission
    const slow = vi.spyOn(checkPermission, 'handle').mockImplementationOnce(async (input, call) => {
      const outcome = await handle(input, call)
      await restrict(s)
      return outcome
    })
    expect(await codeOf(s, s.other, { permissions: ['demo/new:read'] })).toBe(code)
    expect(slow).toHaveBeenCalled()
  })
})

describe('a read whose secret took long to verify is decided on', () => {
  const changes: readonly (readonly [string, (w: World) => Promise<unknown>, string])[] = [
    [
      'a ceiling that was cut meanwhile',
      (w) => w.result(updateAgent, { agent: 'chief', ceiling: ['demo:write'] }),
      'insufficient_scope',
    ],
    [
      'an agent that was suspended meanwhile',
      (w) => w.result(setAgentStatus, { agent: 'chief', status: 'suspended', cause }),
      'agent_suspended',
    ],
  ]
  test.each(changes)('%s', async (_, change, code) => {
    const w = await world()
    const chief = await w.addAgent('chief', 'demo:*')
    await w.result(whoami, {}, chief)
    const other = await w.startProcess()
    const verify: Context['hashing']['verify'] = async (...asked) => {
      const isRight = await other.hashing.verify(...asked)
      await change(w)
      return isRight
    }
    const slow = { ...other, hashing: { ...other.hashing, verify } }
    expect(await codeOf({ w, as: chief.presented }, slow)).toBe(code)
  })
})

describe('a delegation that is under way', () => {
  test.each(restrictions)('does not survive %s', async (_, restrict) => {
    const s = await scene()
    const { w, as, other } = s
    const delegate = (i: number) =>
      w.call(delegateToken, { scopes: ['demo:read'] }, as, { in: i % 2 === 0 ? other : w.context })
    const children = () =>
      (tablesOf(w)['grants'] ?? []).filter((grant) => grant['parent_id'] === s.grantId)
    await Promise.all([...[0, 1, 2, 3].map(delegate), restrict(s), ...[4, 5, 6, 7].map(delegate)])
    const made = children()
    expect((await delegate(0)).ok).toBe(false)
    expect(children()).toEqual(made)
    for (const { id } of made) {
      const asked = { ...reading, grant_id: String(id) }
      expect((await w.result(checkPermission, asked, w.admin)).allowed).toBe(false)
    }
  })
})

describe('a decision that awaited', () => {
  /** The same process, where every hashing waits until `meanwhile` was done. */
  const slow = (context: Context, meanwhile: () => Promise<unknown>): Context => ({
    ...context,
    hashing: {
      ...context.hashing,
      hash: async (text) => {
        await meanwhile()
        return context.hashing.hash(text)
      },
    },
  })
  const agent = { name: 'new', description: '', owner: 'o', ceiling: ['demo:read'] }

  const changes: readonly (readonly [string, (w: World) => Promise<unknown>, string])[] = [
    [
      'its ceiling was cut',
      (w) => w.result(updateAgent, { agent: 'chief', ceiling: ['demo:*'] }),
      'insufficient_scope',
    ],
    [
      'it was suspended',
      (w) => w.result(setAgentStatus, { agent: 'chief', status: 'suspended', cause }),
      'agent_suspended',
    ],
    [
      'the name was taken',
      (w) => w.result(registerAgent, { ...agent, delivery: 'meta' }),
      'conflict',
    ],
  ]

  test.each(changes)('is taken again when meanwhile %s', async (_, change, code) => {
    const w = await world()
    const other = await w.startProcess()
    const chief = await w.addAgent('chief', 'agents:* demo:*')
    await w.result(whoami, {}, chief, { in: other })
    const waiting = slow(other, () => change(w))
    const answer = await w.call(registerAgent, { ...agent, delivery: 'meta' }, chief, {
      in: waiting,
    })
    expect(answer.ok ? 'allowed' : answer.refusal.code).toBe(code)
    const made = w.context.live.agentByName(w.orgId, 'new')
    expect(made?.createdBy).toBe(code === 'conflict' ? w.admin.id : undefined)
  })
})
