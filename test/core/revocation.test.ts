import { describe, expect, it } from 'vitest'

import type { Grant } from '../../src/core/grant.ts'
import { ends, keysOf, revocationKey } from '../../src/core/revocation.ts'
import type { Revocation } from '../../src/core/revocation.ts'
import { grant, revocation } from '../support/state.ts'

const root = grant({ id: 'grt_root', credentialId: 'crd_root', createdSeq: 5, createdAt: 100 })
const child = grant({
  id: 'grt_child',
  agentId: 'agt_2',
  instanceId: 'ins_2',
  parentId: 'grt_root',
  lineage: ['grt_root'],
  credentialId: 'crd_2',
  task: 'report/2026',
  createdSeq: 10,
  createdAt: 200,
})

describe('the keys under which a grant is restricted', () => {
  it('are itself, its agent, credential and instance, and its task with all it is part of', () => {
    expect(keysOf(child)).toEqual([
      'grant:grt_child',
      'agent:agt_2',
      'ceiling:agt_2',
      'credential:crd_2',
      'instance:ins_2',
      'task:report',
      'task:report/2026',
    ])
  })

  it('are fewer where it has neither instance nor task', () => {
    expect(keysOf(root)).toEqual([
      'grant:grt_root',
      'agent:agt_1',
      'ceiling:agt_1',
      'credential:crd_root',
    ])
  })

  it('say kind and target', () => {
    expect(revocationKey('task', 'a/b')).toBe('task:a/b')
  })
})

describe('a restriction found under one of its keys', () => {
  it.each<[string, Partial<Revocation>, Partial<Grant>]>([
    ['of itself', { kind: 'grant', seq: 11 }, {}],
    ['of itself, whenever it was made', { kind: 'grant', seq: 1 }, {}],
    ['of its instance', { kind: 'instance', seq: 11 }, {}],
    ['of its instance, whenever it was made', { kind: 'instance', seq: 1 }, {}],
    ['of its agent after it', { kind: 'agent', seq: 11 }, {}],
    ['of its credential after it', { kind: 'credential', seq: 11 }, {}],
    ['of its task after it', { kind: 'task', seq: 11 }, {}],
    ['by time after it was made', { kind: 'agent', seq: 11, mintedBefore: 201 }, {}],
    ['by the very second it was made', { kind: 'agent', seq: 11, mintedBefore: 200 }, {}],
    ['of a grant by the very second', { kind: 'grant', seq: 11, mintedBefore: 200 }, {}],
    ['within itself', { kind: 'agent', seq: 11, within: ['grt_child'] }, {}],
    ['within its root', { kind: 'agent', seq: 11, within: ['grt_x', 'grt_root'] }, {}],
    [
      'tampered with, whatever organisation it names',
      { kind: 'agent', seq: 11, orgId: 'org_2', damaged: true },
      {},
    ],
    ['within roots of a credential', { kind: 'task', seq: 11, within: ['crd_root'] }, {}],
  ])('ends it: %s', (_, traits, own) => {
    expect(ends(revocation(traits), { ...child, ...own }, root)).toBe(true)
  })

  it.each<[string, Partial<Revocation>]>([
    ['of its agent, known when it was made', { kind: 'agent', seq: 10 }],
    ['of its agent before it', { kind: 'agent', seq: 9 }],
    ['of its credential, known when it was made', { kind: 'credential', seq: 10 }],
    ['of its task, known when it was made', { kind: 'task', seq: 10 }],
    ['by a second before it was made', { kind: 'agent', seq: 11, mintedBefore: 199 }],
    ['of a grant by a second before it', { kind: 'grant', seq: 11, mintedBefore: 199 }],
    ['by time, known when it was made', { kind: 'agent', seq: 10, mintedBefore: 999 }],
    ['within another grant', { kind: 'agent', seq: 11, within: ['grt_x'] }],
    ['within what its own credential made', { kind: 'agent', seq: 11, within: ['crd_2'] }],
    ['in another organisation', { kind: 'grant', seq: 11, orgId: 'org_2' }],
    ['of its ceiling, which narrows', { kind: 'ceiling', seq: 11, scopes: [] }],
  ])('leaves it alone: %s', (_, traits) => {
    expect(ends(revocation(traits), child, root)).toBe(false)
  })
})
