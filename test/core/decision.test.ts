import { describe, expect, it } from 'vitest'

import { authorityOf } from '../../src/core/authority.ts'
import { decide } from '../../src/core/decision.ts'
import type { Decision } from '../../src/core/decision.ts'
import type { Grant } from '../../src/core/grant.ts'
import type { Chain } from '../../src/core/liveness.ts'
import { agent, credential, grant, revocation, scope, scopes, stateOf } from '../support/state.ts'
import type { Facts } from '../support/state.ts'

const wide = scopes('documents:* secrets/db/**:rotate')
const root = grant({ scopes: wide })
const child = grant({
  id: 'grt_2',
  agentId: 'agt_2',
  lineage: ['grt_1'],
  parentId: 'grt_1',
  scopes: scopes('documents/a/**:read documents/a/**:*'),
  depth: 1,
})
const standing = grant({ standing: true, audience: [] })

const everyone: Facts = {
  agents: [agent({ ceiling: wide }), agent({ id: 'agt_2', name: 'two', ceiling: wide })],
  credentials: [credential()],
  types: { documents: { read: 0, write: 0 }, secrets: { rotate: 0 } },
}

function decideWith(chain: readonly Grant[], text: string, facts: Facts = {}): Decision {
  const state = stateOf({ ...everyone, ...facts })
  return decide(scope(text), authorityOf(chain as unknown as Chain, state), state)
}

describe('a permission is allowed', () => {
  it.each<[string, readonly Grant[], string, string]>([
    ['by the scope that covers it', [root], 'documents/a:read', 'documents:*'],
    ['by the first of several', [root, child], 'documents/a/b:read', 'documents/a/**:read'],
    ['by the one with the operation', [root, child], 'documents/a/b:write', 'documents/a/**:*'],
    ['by the grant itself, not its parent', [root, child], 'documents/a:write', 'documents/a/**:*'],
    ['for a whole type', [root], 'documents:read', 'documents:*'],
    [
      'by the ceiling under a standing root',
      [standing],
      'secrets/db/x:rotate',
      'secrets/db/**:rotate',
    ],
  ])('%s', (_, chain, permission, matched_scope) => {
    expect(decideWith(chain, permission)).toEqual({
      permission,
      allowed: true,
      code: 'allowed',
      matched_scope,
    })
  })
})

describe('a permission is refused', () => {
  const refused = (permission: string, missing_at: string, remedy: Decision['remedy']) => ({
    permission,
    allowed: false,
    code: 'insufficient_scope',
    missing_at,
    remedy,
  })
  const ask = (to: string, missing: string) => ({
    text: 'Ask whoever delegated this grant for one that covers what is missing.',
    operation: 'delegate_token',
    arguments: { to, scopes: [missing] },
  })
  const raise = (name: string) => ({
    text: `The ceiling of agent ${name} does not cover this: whoever may update the agent can raise it; grants made before stay as they are.`,
    operation: 'update_agent',
  })

  it('with the delegation that would allow it', () => {
    const text = 'documents/b:read'
    expect(decideWith([root, child], text)).toEqual(refused(text, 'grt_2', ask('two', text)))
  })

  it('for a whole type of which only a part was granted', () => {
    const text = 'secrets:rotate'
    expect(decideWith([root], text)).toEqual(refused(text, 'grt_1', ask('one', text)))
  })

  it('naming its own ceiling where that is too low', () => {
    const agents = [agent({ ceiling: wide }), agent({ id: 'agt_2', name: 'two' })]
    const text = 'documents/a:read'
    expect(decideWith([root, child], text, { agents })).toEqual(
      refused(text, 'agt_2', raise('two')),
    )
  })

  it('naming its own ceiling where that was cut once', () => {
    const cut = revocation({ kind: 'ceiling', target: 'agt_1', scopes: [] })
    const text = 'documents/a:read'
    expect(decideWith([root], text, { revocations: [cut] })).toEqual(
      refused(text, 'agt_1', raise('one')),
    )
  })

  it('not telling what lies above: its own grant is named for the ceiling of an ancestor', () => {
    const agents = [agent(), agent({ id: 'agt_2', name: 'two', ceiling: wide })]
    const text = 'documents/a:read'
    expect(decideWith([root, child], text, { agents })).toEqual(
      refused(text, 'grt_2', ask('two', text)),
    )
  })

  it('naming the credential that was presented where that is too narrow', () => {
    const credentials = [credential({ scopes: scopes('documents:read') })]
    const text = 'documents/a:write'
    expect(decideWith([standing], text, { credentials })).toEqual(
      refused(text, 'agt_1', {
        text: 'The credential presented is narrower: use one whose scopes cover this.',
      }),
    )
  })

  it('naming the configured limit where that is too narrow', () => {
    const text = 'documents/a:write'
    const limited = { ...standing, scopeLimit: scopes('documents:read') }
    expect(decideWith([limited], text)).toEqual(
      refused(text, 'agt_1', {
        text: 'REMIT_SCOPES limits this process: start it with scopes that cover this.',
      }),
    )
  })

  it.each<[string, Partial<Grant>, Facts]>([
    ['credential', {}, { credentials: [credential({ scopes: scopes('documents:read') })] }],
    ['configured limit', { scopeLimit: scopes('documents:read') }, {}],
  ])('not telling a child of the %s of its root', (_, limit, facts) => {
    const text = 'secrets/db:rotate'
    expect(decideWith([{ ...standing, ...limit }, child], text, facts)).toEqual(
      refused(text, 'grt_2', ask('two', text)),
    )
  })
})
