// mint_token: a root grant and its first token, from proof of a credential.

import { describe, expect, test } from 'vitest'
import { mintToken } from '../../src/operations/mint-token.ts'
import { updateAgent } from '../../src/operations/update-agent.ts'
import { world } from '../support/world.ts'
import { ask, askForAll, expectDryRun, refuse, rootOf } from './asking.ts'

test('what is not said takes its default', async () => {
  const w = await world()
  expect(await ask(w, mintToken, { scopes: ['demo:read', 'demo:read'] }, w.local)).toEqual({
    grant_id: expect.stringMatching(/^grt_/),
    token_id: expect.stringMatching(/^tok_/),
    agent_id: w.local.id,
    instance_id: expect.stringMatching(/^ins_/),
    scopes: ['demo:read'],
    audience: [w.issuer],
    expires_at: w.now() + 300,
    grant_expires_at: w.now() + 300,
    depth: 0,
    max_depth: 5,
    lineage: [],
    dropped: [],
    delivery: { kind: 'handle' },
  })
})

test('what is said is taken as it is', async () => {
  const w = await world()
  const said = {
    scopes: ['demo/a/*:write', 'demo/**:read', 'tokens:delegate'],
    audience: [w.issuer],
    ttl_seconds: 60,
    grant_ttl_seconds: 7200,
    max_depth: 16,
    uses: 7,
    task: 'release/notes',
    instance: 'run-1',
    require: ['approval'],
    on_excess: 'refuse',
    delivery: 'inline',
  }
  expect(await ask(w, mintToken, said, w.local)).toMatchObject({
    scopes: said.scopes,
    audience: [w.issuer],
    expires_at: w.now() + 60,
    grant_expires_at: w.now() + 7200,
    max_depth: 16,
    uses_left: 7,
    delivery: { kind: 'inline', token: expect.stringMatching(/^rmt_tok_/) },
  })
})

test('what is left out is never above a limit', async () => {
  const w = await world({ settings: { grantMax: 60 } })
  expect(await ask(w, mintToken, { scopes: ['demo:read'] })).toMatchObject({
    expires_at: w.now() + 60,
    grant_expires_at: w.now() + 60,
  })
})

test.each(['remit', 'the id', 'the issuer'])('this server is an audience by %s', async (by) => {
  const w = await world()
  const audience = by === 'the id' ? w.serverId : by === 'the issuer' ? w.issuer : by
  const { audience: named } = await ask(w, mintToken, {
    scopes: ['demo:read'],
    audience: [audience],
  })
  expect(named).toEqual([w.issuer])
})

test('every run is a new instance, whatever its label', async () => {
  const w = await world()
  const minted = { scopes: ['demo:read'], instance: 'same' }
  const one = await ask(w, mintToken, minted)
  const two = await ask(w, mintToken, minted)
  expect(one.instance_id).not.toBe(two.instance_id)
})

describe('out of range is refused, never shortened', () => {
  test.each<[string, Record<string, unknown>]>([
    ['no scopes', { scopes: [] }],
    ['129 scopes', { scopes: Array.from({ length: 129 }, (_, i) => `demo/n${i}:read`) }],
    ['no audience', { audience: [] }],
    ['a life of no seconds', { ttl_seconds: 0 }],
    ['a life of a fraction', { ttl_seconds: 1.5 }],
    ['a life above the limit', { ttl_seconds: 3601 }],
    ['a grant above the limit', { grant_ttl_seconds: 86_401 }],
    ['a grant that ends before its token', { ttl_seconds: 300, grant_ttl_seconds: 60 }],
    ['a depth above 16', { max_depth: 17 }],
    ['a depth below 0', { max_depth: -1 }],
    ['no uses', { uses: 0 }],
    ['a task with an empty label', { task: 'a//b' }],
    ['a task of 17 labels', { task: Array.from({ length: 17 }, () => 'a').join('/') }],
    ['an instance that is no label', { instance: 'Run 1' }],
    ['an unknown protection', { require: ['luck'] }],
    ['another way to treat excess', { on_excess: 'widen' }],
    ['an unknown delivery', { delivery: 'pigeon' }],
    ['null', { task: null }],
    ['a receiver', { to: 'local' }],
  ])('%s', async (_, change) => {
    const w = await world()
    expect(await refuse(w, mintToken, { scopes: ['demo:read'], ...change }, w.local)).toMatchObject(
      { code: 'invalid_request' },
    )
  })

  test('at the limits it is allowed', async () => {
    const w = await world()
    const scopes = Array.from({ length: 128 }, (_, i) => `demo/n${i}:read`)
    const limits = { ttl_seconds: 3600, grant_ttl_seconds: 86_400, max_depth: 0 }
    const task = Array.from({ length: 16 }, () => 'a').join('/')
    expect(await ask(w, mintToken, { scopes, ...limits, task }, w.local)).toMatchObject({
      expires_at: w.now() + 3600,
      grant_expires_at: w.now() + 86_400,
      max_depth: 0,
    })
  })
})

describe('what goes beyond', () => {
  test('the ceiling names every scope and the agent', async () => {
    const w = await world()
    const scopes = ['demo:read', 'audit:read', 'agents:update']
    expect(await refuse(w, mintToken, { scopes }, w.local)).toEqual({
      code: 'exceeds_ceiling',
      message: expect.any(String),
      missing: ['audit:read', 'agents:update'],
      missing_at: w.local.id,
      remedy: { text: expect.any(String), operation: 'update_agent' },
      failures: [
        {
          code: 'exceeds_ceiling',
          dimension: 'scopes',
          asked: ['audit:read', 'agents:update'],
          missing_at: w.local.id,
        },
      ],
    })
  })

  test('is dropped whole where narrow is asked for', async () => {
    const w = await world()
    const scopes = ['demo:read', 'audit:read']
    expect(await ask(w, mintToken, { scopes, on_excess: 'narrow' }, w.local)).toMatchObject({
      scopes: ['demo:read'],
      dropped: ['audit:read'],
    })
    const all = { scopes: ['audit:read'], on_excess: 'narrow' }
    expect(await refuse(w, mintToken, all, w.local)).toMatchObject({ code: 'exceeds_ceiling' })
  })

  test('what is not registered is named with its place and the nearest match', async () => {
    const w = await world()
    const scopes = ['demo:read', 'dmeo:read', 'demo:*x', 'Demo:read', 'demo:raed']
    expect(await refuse(w, mintToken, { scopes }, w.local)).toMatchObject({
      code: 'invalid_scope',
      failures: [
        { code: 'invalid_scope', dimension: 'scopes.1', asked: expect.stringContaining('demo') },
        { code: 'invalid_scope', dimension: 'scopes.2' },
        { code: 'invalid_scope', dimension: 'scopes.3' },
        { dimension: 'scopes.4', asked: expect.stringContaining('demo:read') },
      ],
      remedy: { operation: 'list_resource_types' },
    })
  })

  test.each(['elsewhere', 'https://example.com', 'srv_00000000000000000000000zzz'])(
    'the audience %s is not known',
    async (audience) => {
      const w = await world()
      const asked = { scopes: ['demo:read'], audience: [w.issuer, audience] }
      expect(await refuse(w, mintToken, asked, w.local)).toMatchObject({ code: 'invalid_target' })
    },
  )
})

describe('only proof of a credential makes a root', () => {
  test('a token does not, and delegates instead', async () => {
    const w = await world()
    const { grant_id, presented } = await rootOf(w, w.local)
    expect(await refuse(w, mintToken, { scopes: ['demo:read'] }, presented)).toMatchObject({
      code: 'exceeds_parent',
      missing_at: grant_id,
      remedy: { operation: 'delegate_token' },
    })
  })

  test('nor does a call under act_as', async () => {
    const w = await world()
    const { grant_id } = await rootOf(w, w.local)
    const asked = { scopes: ['demo:read'], act_as: grant_id }
    expect(await refuse(w, mintToken, asked, w.local)).toMatchObject({
      code: 'exceeds_parent',
      remedy: { operation: 'delegate_token' },
    })
  })

  test('it needs no permission', async () => {
    const w = await world()
    const reader = await w.addAgent('reader', 'demo:read')
    expect(await ask(w, mintToken, { scopes: ['demo:read'] }, reader)).toMatchObject({ depth: 0 })
  })
})

test('a dry run mints nothing', async () => {
  const w = await world()
  const { dry, real } = await expectDryRun(w, mintToken, { scopes: ['demo:read'] }, w.local)
  expect(dry).toEqual({
    ...real,
    grant_id: dry.grant_id,
    token_id: dry.token_id,
    instance_id: dry.instance_id,
    delivery: undefined,
    dry_run: true,
  })
})

test('a repeat is a new token of the same grant, while that is live', async () => {
  const w = await world()
  const asked = { scopes: ['demo:read'], idempotency_key: 'k', delivery: 'meta' }
  const first = await askForAll(w, mintToken, asked, w.local)
  const again = await askForAll(w, mintToken, asked, w.local)
  const { token_id, ...same } = first.result
  expect(again.result).toEqual({ ...same, token_id: expect.not.stringMatching(token_id) })
  expect(again.meta['dev.remit/token']).not.toBe(first.meta['dev.remit/token'])
  expect(await refuse(w, mintToken, { ...asked, ttl_seconds: 60 }, w.local)).toMatchObject({
    code: 'conflict',
  })
  await ask(w, updateAgent, { agent: 'local', ceiling: ['tokens:delegate'] })
  expect(await refuse(w, mintToken, asked, w.local)).toMatchObject({ code: 'insufficient_scope' })
})
