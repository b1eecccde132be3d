import { describe, expect, it } from 'vitest'

import type { Agent } from '../../src/core/agent.ts'
import type { Credential } from '../../src/core/credential.ts'
import type { Grant } from '../../src/core/grant.ts'
import { chainExpiry, keysOfChain, liveness } from '../../src/core/liveness.ts'
import type { Chain, Liveness } from '../../src/core/liveness.ts'
import type { Revocation } from '../../src/core/revocation.ts'
import { agent, credential, grant, revocation, stateOf } from '../support/state.ts'

const now = 100

/** A root of agent 1, a child of agent 2 below it and a grandchild of agent 3, each from its credential. */
const link = (n: number, traits: Partial<Grant> = {}): Grant =>
  grant({
    id: `grt_${n}`,
    agentId: `agt_${n}`,
    credentialId: `crd_${n}`,
    lineage: ['grt_1', 'grt_2'].slice(0, n - 1),
    depth: n - 1,
    expiresAt: 1000 - n,
    createdSeq: n,
    createdAt: n * 10,
    ...traits,
  })

interface Change {
  readonly link?: readonly [number, Partial<Grant>]
  readonly agent?: readonly [number, Partial<Agent>]
  readonly credential?: readonly [number, Partial<Credential>]
  readonly revocations?: readonly Partial<Revocation>[]
}

const changed = (n: number, [at, traits]: readonly [number, object] = [0, {}]) =>
  n === at ? traits : {}

function livenessWith(change: Change, at = now, of = 3): Liveness {
  const chain = [1, 2, 3].slice(0, of).map((n) => link(n, changed(n, change.link)))
  const state = stateOf({
    agents: [1, 2, 3].map((n) => agent({ id: `agt_${n}`, ...changed(n, change.agent) })),
    credentials: [1, 2, 3].map((n) =>
      credential({ id: `crd_${n}`, ...changed(n, change.credential) }),
    ),
    revocations: (change.revocations ?? []).map(revocation),
  })
  return liveness(chain as unknown as Chain, state, at)
}

type Dead = Extract<Liveness, { live: false }>
const dead = (code: Dead['code'], at: string, reason: Dead['reason']): Liveness => ({
  live: false,
  code,
  at,
  reason,
})

describe('a grant lives', () => {
  it.each<[string, Change]>([
    ['with all that it comes from', {}],
    ['whatever its credential retired to', { credential: [3, { expiresAt: 50 }] }],
    [
      'although a credential above was rotated and is retired',
      { credential: [1, { recordedStatus: 'rotated', retiresAt: 50 }] },
    ],
    ['when another grant is revoked', { revocations: [{ target: 'grt_4', seq: 9 }] }],
    [
      'when its agent was suspended before it was made',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 3 }] },
    ],
    [
      'when its credential was cut off before it was made',
      { revocations: [{ kind: 'credential', target: 'crd_3', seq: 2 }] },
    ],
    [
      'when only what was minted before it ends',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 9, mintedBefore: 29 }] },
    ],
    [
      'when a ceiling was cut',
      { revocations: [{ kind: 'ceiling', target: 'agt_3', seq: 9, scopes: [] }] },
    ],
    [
      'when another organisation revokes an id like its own',
      { revocations: [{ target: 'grt_3', seq: 9, orgId: 'org_2' }] },
    ],
    ['when its root has no end', { link: [1, { expiresAt: undefined, standing: true } as object] }],
    [
      'when only its siblings’ branch ends',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 9, within: ['grt_9'] }] },
    ],
  ])('%s', (_, change) => {
    expect(livenessWith(change)).toEqual({ live: true })
  })
})

describe('a grant is dead', () => {
  it.each<[string, Change, Liveness]>([
    [
      'once revoked',
      { revocations: [{ target: 'grt_3', seq: 9 }] },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'once its parent is revoked',
      { revocations: [{ target: 'grt_2', seq: 9 }] },
      dead('ancestor_revoked', 'grt_2', 'revoked'),
    ],
    [
      'once its root is revoked',
      { revocations: [{ target: 'grt_1', seq: 9 }] },
      dead('ancestor_revoked', 'grt_1', 'revoked'),
    ],
    [
      'although its parent was revoked before it came to be',
      { revocations: [{ target: 'grt_2', seq: 1 }] },
      dead('ancestor_revoked', 'grt_2', 'revoked'),
    ],
    [
      'for the highest of several reasons',
      {
        revocations: [
          { target: 'grt_3', seq: 8 },
          { target: 'grt_1', seq: 9 },
        ],
      },
      dead('ancestor_revoked', 'grt_1', 'revoked'),
    ],
    [
      'once its instance is revoked',
      {
        link: [3, { instanceId: 'ins_3' }],
        revocations: [{ kind: 'instance', target: 'ins_3', seq: 9 }],
      },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'once its task is revoked',
      {
        link: [3, { task: 'report/2026' }],
        revocations: [{ kind: 'task', target: 'report', seq: 9 }],
      },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'once all that was minted up to its second ends',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 9, mintedBefore: 30 }] },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'once its agent’s grants below its root end',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 9, within: ['grt_1'] }] },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'once what the credential of its root brought forth ends',
      { revocations: [{ kind: 'agent', target: 'agt_3', seq: 9, within: ['crd_1'] }] },
      dead('invalid_token', 'grt_3', 'revoked'),
    ],
    [
      'the second its own end comes',
      { link: [3, { expiresAt: now }] },
      dead('invalid_token', 'grt_3', 'expired'),
    ],
    [
      'the second the end of an ancestor comes',
      { link: [2, { expiresAt: now }] },
      dead('ancestor_revoked', 'grt_2', 'expired'),
    ],
    [
      'while its agent is suspended',
      { agent: [3, { status: 'suspended' }] },
      dead('agent_suspended', 'agt_3', 'agent'),
    ],
    [
      'while an agent above is suspended',
      { agent: [1, { status: 'suspended' }] },
      dead('agent_suspended', 'agt_1', 'agent'),
    ],
    [
      'once its agent is retired',
      { agent: [3, { status: 'retired' }] },
      dead('agent_suspended', 'agt_3', 'agent'),
    ],
    [
      'when its agent cannot be read',
      { agent: [3, { id: 'agt_gone' }] },
      dead('agent_suspended', 'agt_3', 'agent'),
    ],
    [
      'once its credential is revoked',
      { credential: [3, { recordedStatus: 'revoked' }] },
      dead('invalid_token', 'grt_3', 'credential'),
    ],
    [
      'once a credential above is revoked',
      { credential: [1, { recordedStatus: 'revoked' }] },
      dead('ancestor_revoked', 'grt_1', 'credential'),
    ],
    [
      'once its credential is revoked, although that expired before',
      { credential: [3, { recordedStatus: 'revoked', expiresAt: 50 }] },
      dead('invalid_token', 'grt_3', 'credential'),
    ],
    [
      'when its credential cannot be read',
      { credential: [2, { id: 'crd_gone' }] },
      dead('ancestor_revoked', 'grt_2', 'credential'),
    ],
  ])('%s', (_, change, expected) => {
    expect(livenessWith(change)).toEqual(expected)
  })

  it('and stays so when its agent, once suspended, is active again', () => {
    const suspension = { kind: 'agent', target: 'agt_2', seq: 9 } as const
    const suspended: Change = { agent: [2, { status: 'suspended' }], revocations: [suspension] }
    const reactivated: Change = { agent: [2, { status: 'active' }], revocations: [suspension] }
    const anew: Change = { ...reactivated, link: [2, { createdSeq: 9 }] }
    expect(livenessWith(suspended)).toEqual(dead('agent_suspended', 'agt_2', 'agent'))
    expect(livenessWith(reactivated)).toEqual(dead('ancestor_revoked', 'grt_2', 'revoked'))
    expect(livenessWith(reactivated, now, 2)).toEqual(dead('invalid_token', 'grt_2', 'revoked'))
    expect(livenessWith(anew)).toEqual({ live: true })
  })

  it('no earlier than at its end', () => {
    expect(livenessWith({}, 996)).toEqual({ live: true })
    expect(livenessWith({}, 997)).toEqual(dead('invalid_token', 'grt_3', 'expired'))
    expect(livenessWith({}, 997, 2)).toEqual({ live: true })
    expect(livenessWith({}, 998, 2)).toEqual(dead('invalid_token', 'grt_2', 'expired'))
  })
})

describe('a chain', () => {
  it('ends with the first of its grants to end', () => {
    expect(chainExpiry([link(1), link(2), link(3, { expiresAt: 5000 })])).toBe(998)
    expect(chainExpiry([grant({ expiresAt: undefined } as object)])).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('can be restricted under the keys of each of its grants, each told once', () => {
    expect(keysOfChain([link(1), link(2, { agentId: 'agt_1' })])).toEqual([
      'grant:grt_1',
      'agent:agt_1',
      'ceiling:agt_1',
      'credential:crd_1',
      'grant:grt_2',
      'credential:crd_2',
    ])
  })
})
