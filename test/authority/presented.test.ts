// A request presents exactly one source; one that is there decides alone, however bad it is.

import { describe, expect, test } from 'vitest'
import { presentedInMeta } from '../../src/authority/presented.ts'
import type { Meta, Presented } from '../../src/authority/presented.ts'

const agentId = 'agt_00000000000000000000000001'
const ours = (fields: Record<string, unknown>): Meta =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`dev.remit/${name}`, value]))

describe('one source', () => {
  test.each<[Record<string, unknown>, Presented]>([
    [{ token: 't' }, { kind: 'token', presentedToken: 't' }],
    [
      { token: 't', proof: 'p' },
      { kind: 'token', presentedToken: 't', presentedProof: 'p' },
    ],
    [
      { agent_id: agentId, agent_secret: 's' },
      { kind: 'secret', agentId, presentedSecret: 's' },
    ],
    [{ api_key: 'k' }, { kind: 'api_key', presentedSecret: 'k' }],
    [
      { agent_id: agentId, client_assertion: 'a' },
      { kind: 'assertion', agentId, presentedAssertion: 'a' },
    ],
    [
      { registration: 'r', proof: 'p' },
      { kind: 'registration', presentedSecret: 'r', presentedProof: 'p' },
    ],
    [{ proof: 'p' }, { kind: 'server_proof', presentedProof: 'p' }],
  ])('%j', (fields, presented) => {
    const beside = { act_as: 'grt_x', subject_token: 's', handoff: 'h' }
    expect(presentedInMeta(ours(fields))).toEqual(presented)
    expect(presentedInMeta({ ...ours({ ...fields, ...beside }), progressToken: 1 })).toEqual(
      presented,
    )
  })
})

test.each<[string, Meta | undefined]>([
  ['no metadata', undefined],
  ['empty metadata', {}],
  ['metadata of others', { progressToken: 1, 'com.example/token': 't', 'dev.remit': 't' }],
  ['what is no credential', ours({ act_as: 'grt_x', subject_token: 's', handoff: 'h' })],
])('%s presents nothing, and leaves it to the environment', (_, meta) => {
  expect(presentedInMeta(meta)).toBeUndefined()
})

describe('a source that is there and no good is refused, never skipped', () => {
  const token = { token: 't' }
  test.each<[string, Record<string, unknown>]>([
    ['empty', { token: '' }],
    ['of another type', { token: 7 }],
    ['null', { token: null }],
    ['a list', { token: ['t'] }],
    ['too long', { token: 'x'.repeat(64 * 1024 + 1) }],
    ['unknown', { ...token, password: 'x' }],
    ['known by another case', { Token: 't' }],
    ['two forms', { ...token, api_key: 'k' }],
    ['a token and a secret', { ...token, agent_id: agentId, agent_secret: 's' }],
    ['two ways of one agent', { agent_id: agentId, agent_secret: 's', client_assertion: 'a' }],
    ['an agent with no proof', { agent_id: agentId }],
    ['a proof of no agent', { agent_secret: 's' }],
    ['an agent by name', { agent_id: 'local', agent_secret: 's' }],
    ['another kind of id', { agent_id: agentId.replace('agt', 'crd'), agent_secret: 's' }],
    ['a registration without proof', { registration: 'r' }],
    ['a proof beside an API key', { api_key: 'k', proof: 'p' }],
    ['an empty act_as', { ...token, act_as: '' }],
    ['an empty handoff alone', { handoff: '' }],
  ])('%s', (_, fields) => {
    expect(() => presentedInMeta(ours(fields))).toThrow(
      expect.objectContaining({
        code: 'invalid_client',
        message: 'The caller could not be authenticated.',
      }),
    )
  })
})
