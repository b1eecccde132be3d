import { describe, expect, it } from 'vitest'

import { authorityOf, effectiveScopes, exceeded } from '../../src/core/authority.ts'
import type { Bound } from '../../src/core/authority.ts'
import type { Grant } from '../../src/core/grant.ts'
import type { Chain } from '../../src/core/liveness.ts'
import { formatScopes } from '../../src/core/scope.ts'
import type { State } from '../../src/core/state.ts'
import {
  agent,
  credential,
  grant,
  revocation,
  scope,
  scopes,
  server,
  stateOf,
} from '../support/state.ts'
import type { Facts } from '../support/state.ts'

const types = { documents: { read: 0, write: 7 } }
const root = grant({ scopes: scopes('documents:*'), createdSeq: 5 })
const child = grant({
  id: 'grt_2',
  agentId: 'agt_2',
  lineage: ['grt_1'],
  parentId: 'grt_1',
  scopes: scopes('documents/a/**:*'),
  depth: 1,
  createdSeq: 8,
})
const standing = grant({ standing: true, audience: [], createdSeq: 5 })

/** Agent 1 may have all documents and agent 2 those below `a`, unless the facts say otherwise. */
const stateWith = (facts: Facts = {}): State =>
  stateOf({
    agents: [
      agent({ ceiling: scopes('documents:*') }),
      agent({ id: 'agt_2', ceiling: scopes('documents/a/**:*') }),
    ],
    credentials: [credential()],
    types,
    ...facts,
  })

function mayWith(chain: readonly Grant[], facts: Facts, text: string): string {
  const state = stateWith(facts)
  const { bounds, orgId } = authorityOf(chain as unknown as Chain, state)
  const bound = exceeded(bounds, scope(text), orgId, state)
  return bound === undefined ? 'allowed' : `above the ${bound.kind} at ${bound.at}`
}

const cut = (target: string, left: string, seq: number) =>
  revocation({ kind: 'ceiling', target, seq, scopes: scopes(left) })

describe('the bounds of a grant', () => {
  it('are its scopes, and what its agent and every ancestor may have', () => {
    expect(authorityOf([root, child], stateWith())).toEqual({
      orgId: 'org_1',
      chain: [root, child],
      grant: child,
      bounds: [
        {
          scopes: scopes('documents:*'),
          told: scopes('documents:read'),
          asOf: 5,
          at: 'grt_1',
          kind: 'grant',
        },
        { scopes: scopes('documents:*'), at: 'agt_1', kind: 'ceiling' },
        {
          scopes: scopes('documents/a/**:*'),
          told: scopes('documents/a/**:*'),
          asOf: 8,
          at: 'grt_2',
          kind: 'grant',
        },
        { scopes: scopes('documents/a/**:*'), at: 'agt_2', kind: 'ceiling' },
      ],
    })
  })

  it('are followed by those of whoever acts under it', () => {
    const further: Bound = { scopes: [], at: 'grt_9', kind: 'grant' }
    expect(authorityOf([root], stateWith(), [further]).bounds.at(-1)).toEqual(further)
  })

  it('are for a standing root its credential, the configured limit and the ceiling, at use', () => {
    const limited = { ...standing, scopeLimit: scopes('documents/b:read') }
    const credentials = [credential({ scopes: scopes('documents/**:read') })]
    expect(authorityOf([limited], stateWith({ credentials })).bounds).toEqual([
      { scopes: scopes('documents/**:read'), at: 'agt_1', kind: 'credential' },
      { scopes: scopes('documents/b:read'), at: 'agt_1', kind: 'environment' },
      { scopes: scopes('documents:*'), at: 'agt_1', kind: 'ceiling' },
    ])
  })

  it('keep every ceiling that was cut since it was made', () => {
    const revocations = [
      cut('agt_1', 'documents/a:*', 5),
      cut('agt_1', 'documents/b:*', 6),
      cut('agt_1', 'documents/c:*', 9),
      cut('agt_2', 'documents/d:*', 9),
    ]
    expect(authorityOf([root], stateWith({ revocations })).bounds.slice(2)).toEqual([
      { scopes: scopes('documents/b:*'), at: 'agt_1', kind: 'ceiling' },
      { scopes: scopes('documents/c:*'), at: 'agt_1', kind: 'ceiling' },
    ])
  })
})

describe('a scope under the bounds of a grant', () => {
  it.each<[string, readonly Grant[], Facts, string, string]>([
    ['within', [root, child], {}, 'documents/a/b:read', 'allowed'],
    ['with every operation', [root, child], {}, 'documents/a/b:*', 'allowed'],
    ['beside the grant', [root, child], {}, 'documents/b:read', 'above the grant at grt_2'],
    ['of another type', [root, child], {}, 'secrets:read', 'above the grant at grt_1'],
    [
      'above the present ceiling of its agent',
      [root, child],
      { agents: [agent({ ceiling: scopes('documents:*') }), agent({ id: 'agt_2' })] },
      'documents/a:read',
      'above the ceiling at agt_2',
    ],
    [
      'above the present ceiling of an agent above',
      [root, child],
      { agents: [agent(), agent({ id: 'agt_2', ceiling: scopes('documents:*') })] },
      'documents/a:read',
      'above the ceiling at agt_1',
    ],
    [
      'of an agent that is gone',
      [root],
      { agents: [] },
      'documents:read',
      'above the ceiling at agt_1',
    ],
    [
      'that a cut took, although the ceiling is wide again',
      [root],
      { revocations: [cut('agt_1', 'documents/b:*', 6)] },
      'documents/a:read',
      'above the ceiling at agt_1',
    ],
    [
      'that a cut took from an ancestor',
      [root, child],
      { revocations: [cut('agt_1', 'documents/b:*', 6)] },
      'documents/a:read',
      'above the ceiling at agt_1',
    ],
    [
      'that a cut left',
      [root],
      { revocations: [cut('agt_1', 'documents/b:*', 6)] },
      'documents/b:read',
      'allowed',
    ],
    [
      'that a cut before the grant took',
      [root],
      { revocations: [cut('agt_1', 'documents/b:*', 5)] },
      'documents/a:read',
      'allowed',
    ],
    [
      'that two cuts left nothing of',
      [root],
      {
        revocations: [cut('agt_1', 'documents/b:*', 6), cut('agt_1', 'documents/c:*', 9)],
      },
      'documents/b:read',
      'above the ceiling at agt_1',
    ],
    [
      'under a cut whose scopes cannot be read',
      [root],
      { revocations: [revocation({ kind: 'ceiling', target: 'agt_1', seq: 6 })] },
      'documents/b:read',
      'above the ceiling at agt_1',
    ],
    ['under a standing root', [standing], {}, 'documents/a:write', 'allowed'],
    [
      'under a standing root of a narrow credential',
      [standing],
      { credentials: [credential({ scopes: scopes('documents/b:*') })] },
      'documents/a:read',
      'above the credential at agt_1',
    ],
    [
      'under a standing root whose credential cannot be read',
      [standing],
      { credentials: [] },
      'documents/a:read',
      'above the credential at agt_1',
    ],
    [
      'under a limited standing root',
      [{ ...standing, scopeLimit: [] }],
      {},
      'documents/a:read',
      'above the environment at agt_1',
    ],
  ])('%s', (_, chain, facts, text, expected) => {
    expect(mayWith(chain, facts, text)).toBe(expected)
  })
})

describe('`*` as operation in a grant', () => {
  const made = (createdSeq: number, text = 'documents:*') =>
    grant({ scopes: scopes(text), createdSeq })

  it.each<[string, readonly Grant[], string, string]>([
    ['means what was registered before it', [made(9)], 'documents:write', 'allowed'],
    ['means what it was decided on', [made(7)], 'documents:write', 'allowed'],
    ['not what came later', [made(6)], 'documents:write', 'above the grant at grt_1'],
    ['still means what it did', [made(6)], 'documents:read', 'allowed'],
    ['not what was never registered', [made(9)], 'documents:print', 'above the grant at grt_1'],
    ['not what no type has', [made(9, 'secrets:*')], 'secrets:read', 'above the grant at grt_1'],
    ['is no limit for what is named', [made(6, 'documents:write')], 'documents:write', 'allowed'],
    [
      'gains nothing below an older `*`',
      [made(6), { ...child, createdSeq: 9 }],
      'documents/a:write',
      'above the grant at grt_1',
    ],
  ])('%s', (_, chain, text, expected) => {
    expect(mayWith(chain, {}, text)).toBe(expected)
  })

  it('means in a ceiling or under a standing root whatever is registered', () => {
    expect(mayWith([standing], {}, 'documents:write')).toBe('allowed')
  })

  it('means nothing that another organisation registered', () => {
    const foreign = { ...made(9), orgId: 'org_2' }
    expect(mayWith([foreign], {}, 'documents:read')).toBe('above the grant at grt_1')
  })
})

describe('the effective scopes of an authority', () => {
  const effectiveOf = (...sets: readonly string[]) =>
    formatScopes(
      effectiveScopes({
        orgId: 'org_1',
        chain: [root],
        grant: root,
        bounds: sets.map((text) => ({ scopes: scopes(text), at: 'grt_1', kind: 'grant' })),
      }),
    )

  it.each<[string, readonly string[], string]>([
    ['of none', [], ''],
    ['of one', ['a:read b:read'], 'a:read b:read'],
    ['that narrow', ['a:* b:*', 'a:read', 'a/b/**:*'], 'a/b/**:read'],
    ['that leave alone', ['a/b:read', 'a:*', 'b:* a:read'], 'a/b:read'],
    ['that have nothing in common', ['a:read', 'b:read'], ''],
  ])('are what all bounds mean together: %s', (_, sets, expected) => {
    expect(effectiveOf(...sets)).toBe(expected)
  })

  it('are not lost where there are too many to compare each with each', () => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`)
    const wide = names.map((name) => `a/${name}/**:*`).join(' ')
    const narrow = names.map((name) => `a/${name}/x:read`).join(' ')
    expect(effectiveOf(wide, narrow)).toBe(narrow)
    expect(effectiveOf(narrow, wide)).toBe(narrow)
  })
})

describe('a tool that its server withdrew', () => {
  const notes = server({ id: 'srv_2', name: 'notes', tools: [{ name: 'add' }, { name: 'list' }] })
  const withdrawn = revocation({ kind: 'tool', target: 'org_1/notes/add', seq: 9 })
  const held = (text: string, traits: Partial<Grant> = {}) =>
    [grant({ scopes: scopes(text), createdSeq: 5, ...traits })] as const
  const facts = {
    agents: [agent({ ceiling: scopes('tool:*') })],
    servers: [notes],
    revocations: [withdrawn],
    types: { tool: { invoke: 0 } },
  }

  it.each([
    ['tool/notes/add:invoke', 5, 'above the grant at grt_1'],
    ['tool/notes/**:invoke', 5, 'above the grant at grt_1'],
    ['tool:*', 5, 'above the grant at grt_1'],
    ['tool/notes/add:invoke', 8, 'above the grant at grt_1'],
    ['tool/notes/add:invoke', 9, 'allowed'],
    ['tool/notes/add:invoke', 12, 'allowed'],
  ])('is not given back by %s of change %i: %s', (text, createdSeq, expected) => {
    expect(mayWith(held(text, { createdSeq }), facts, 'tool/notes/add:invoke')).toBe(expected)
  })

  it('leaves the others, and a standing root', () => {
    expect(mayWith(held('tool/notes/**:invoke'), facts, 'tool/notes/list:invoke')).toBe('allowed')
    expect(mayWith(held('', { standing: true }), facts, 'tool/notes/add:invoke')).toBe('allowed')
  })

  it.each([
    ['tool/notes/add:invoke tool/notes/list:invoke', 'tool/notes/list:invoke'],
    ['tool/notes/**:invoke', 'tool/notes/list:invoke'],
    ['tool/other/**:invoke', 'tool/other/**:invoke'],
  ])('is not told of %s any more', (text, told) => {
    const chain = held(text) as unknown as Chain
    expect(formatScopes(effectiveScopes(authorityOf(chain, stateWith(facts))))).toBe(told)
  })
})
