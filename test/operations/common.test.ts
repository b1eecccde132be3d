// What all operations share: the arguments that every one takes, and those it does not.

import { describe, expect, test } from 'vitest'
import { operationByName, operations } from '../../src/operations/index.ts'
import { newSecret } from '../../src/crypto/secret.ts'
import { world } from '../support/world.ts'
import { ask, askForAll, contents, lastEvent, operationNamed, refuse, rootOf } from './asking.ts'

const crd = 'crd_00000000000000000000000zzz'
const cause = 'test'

/** Arguments of each operation that are well formed. */
const rows: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  whoami: {},
  check_permission: { permissions: ['demo:read'] },
  list_permissions: {},
  list_resource_types: {},
  mint_token: { scopes: ['demo:read'] },
  renew_token: { grant_id: 'grt_00000000000000000000000zzz' },
  claim_handoff: { handoff: 'x' },
  delegate_token: { scopes: ['demo:read'] },
  introspect_token: { token_id: 'tok_00000000000000000000000zzz' },
  list_tokens: {},
  delegation_tree: {},
  revoke_token: { task: 'a', cause },
  register_agent: { name: 'x', description: '', owner: 'x', ceiling: ['demo:read'] },
  update_agent: { agent: 'local', owner: 'x' },
  set_agent_status: { agent: 'local', status: 'active', cause },
  get_agent: { agent: 'local' },
  list_agents: {},
  add_credential: { agent: 'local', kind: 'secret' },
  list_credentials: {},
  rotate_credential: { credential_id: crd },
  revoke_credential: { credential_id: crd, cause },
  register_trust_anchor: { name: 'x', certificate: 'x' },
  list_trust_anchors: {},
  revoke_trust_anchor: { anchor: 'x', cause },
  server_status: {},
  list_mcp_servers: {},
  register_mcp_server: {
    name: 'x',
    version: '1',
    public_jwk: {},
    tools: [],
    resource_types: [],
  },
  issue_registration_credential: { server_name: 'x' },
  rotate_registration_credential: { server: 'x' },
  revoke_registration_credential: { server: 'x', cause },
  register_resource_type: { type: 'x', operations: ['y'], description: '' },
  rotate_signing_key: {},
  verify_request: { method: 'GET', url: 'https://api.example/', headers: {} },
  auth_challenge: { nonce: 'n'.repeat(43), channel: 'c' },
  auth_answer: {
    challenge_id: 'chl_00000000000000000000000zzz',
    nonce: 'n'.repeat(43),
    channel: 'c',
  },
  query_audit: {},
  verify_audit: {},
}

const reads = [
  'whoami',
  'check_permission',
  'introspect_token',
  'list_permissions',
  'list_resource_types',
  'list_tokens',
  'list_agents',
  'list_credentials',
  'list_mcp_servers',
  'list_trust_anchors',
  'get_agent',
  'delegation_tree',
  'server_status',
  'query_audit',
  'verify_audit',
]

const withoutActAs: Readonly<Record<string, string>> = {
  mint_token: 'exceeds_parent',
  renew_token: 'invalid_request',
  claim_handoff: 'invalid_request',
  add_credential: 'invalid_request',
  rotate_credential: 'invalid_request',
  revoke_credential: 'invalid_request',
  register_mcp_server: 'invalid_request',
  auth_challenge: 'invalid_request',
  auth_answer: 'invalid_request',
}

test('every operation has its row here, and its own name', () => {
  expect(Object.keys(rows).toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
  for (const operation of operations) expect(operationByName(operation.name)).toBe(operation)
  expect(operationByName('toString')).toBeUndefined()
})

test('which of them write is as it is written', () => {
  const found = operations.filter(({ effect }) => effect === 'read').map(({ name }) => name)
  expect(found.toSorted()).toEqual(reads.toSorted())
})

describe.each(Object.entries(rows))('%s', (name, args) => {
  const operation = operationNamed(name)
  const isRead = reads.includes(name)

  test('refuses what it does not know, and what is no object', async () => {
    const w = await world()
    const unknown = { surely_unknown: 1, 'Made up': 1 }
    const dimension = 'surely_unknown'
    expect(await refuse(w, operation, { ...args, ...unknown })).toMatchObject({
      code: 'invalid_request',
      failures: [{ code: 'invalid_request', dimension, asked: 'is no argument here' }],
    })
    expect(await refuse(w, operation, { ...args, 'Made up': 1 })).toMatchObject({
      failures: [{ code: 'invalid_request', dimension: 'arguments', asked: 'unknown arguments' }],
    })
    for (const malformed of [[args], 'text', 7]) {
      const request = { arguments: malformed }
      expect(await refuse(w, operation, {}, w.admin, request)).toMatchObject({
        code: 'invalid_request',
      })
    }
  })

  test('act_as is taken or refused', async () => {
    const w = await world()
    const act_as = w.context.newId('grt')
    const expected = withoutActAs[name] ?? 'not_found'
    const { code } = await refuse(w, operation, { ...args, act_as })
    expect(code).toBe(expected)
    expect(await refuse(w, operation, { ...args, act_as: 'me' })).toMatchObject({
      code: 'invalid_request',
    })
  })

  test.each([
    ['dry_run', [true, false], ['yes', 1, null]],
    ['idempotency_key', ['k', 'k'.repeat(128)], ['', 'k'.repeat(129), 'a\nb', 7]],
  ])(`%s is ${isRead ? 'not taken' : 'taken'}`, async (argument, good, bad) => {
    const w = await world()
    const malformed = async (value: unknown) => {
      const answer = await w.call(operation, { ...args, dry_run: true, [argument]: value })
      if (answer.ok) return false
      const { code, detail } = answer.refusal
      return code === 'invalid_request' && detail.failures?.[0]?.code === 'invalid_request'
    }
    for (const value of good) expect(await malformed(value)).toBe(isRead)
    for (const value of bad) expect(await malformed(value)).toBe(true)
  })

  test('a secret among its arguments is refused unechoed and kept nowhere', async () => {
    const w = await world()
    const { presented } = await rootOf(w, w.admin)
    for (const secret of [newSecret('agent_secret').reveal(), presented.presentedToken]) {
      const before = await contents(w)
      const [first = 'extra'] = Object.keys(args)
      for (const held of [{ [first]: secret }, { deep: [{ [`see ${secret}`]: 1 }] }]) {
        if (name === 'claim_handoff' && first in held) continue
        const error = await refuse(w, operation, { ...args, ...held })
        expect(error.code).toBe('invalid_request')
        expect(JSON.stringify(error)).not.toContain(secret)
        const event = await lastEvent(w)
        expect(event).toMatchObject({
          operation: name,
          code: 'invalid_request',
          detail: JSON.stringify({ finding: 'secret_in_argument' }),
        })
        expect(JSON.stringify(event)).not.toContain(secret)
      }
      expect(await contents(w)).toEqual(before)
    }
  })
})

describe('idempotency', () => {
  const asked = { scopes: ['demo:read'], idempotency_key: 'k' }

  test('is per operation, credential and acting grant', async () => {
    const w = await world()
    const minted = await ask(w, operationNamed('mint_token'), asked, w.local)
    const delegate = operationNamed('delegate_token')
    const delegated = await ask(w, delegate, asked, w.local)
    const other = await ask(w, operationNamed('mint_token'), asked, w.admin)
    const act_as = (delegated as { grant_id: string }).grant_id
    const below = await ask(w, delegate, { ...asked, act_as }, w.local).catch(() => undefined)
    const ids = [minted, delegated, other, below].map(
      (result) => (result as { grant_id?: string } | undefined)?.grant_id,
    )
    expect(new Set(ids).size).toBe(4)
  })

  test('keeps no secret', async () => {
    const w = await world()
    const mint = operationNamed('mint_token')
    const { meta } = await askForAll(w, mint, { ...asked, delivery: 'meta' }, w.local)
    const add = { agent: 'local', kind: 'secret', delivery: 'inline', idempotency_key: 'k' }
    const { delivery } = await ask(w, operationNamed('add_credential'), add)
    const kept = JSON.stringify(await contents(w))
    for (const secret of [meta['dev.remit/token'], delivery?.secret]) {
      expect(secret).toMatch(/^(eyJ|rmt_)/)
      expect(kept).not.toContain(secret)
    }
  })

  test('a dry run records no answer, and a refusal none either', async () => {
    const w = await world()
    const mint = operationNamed('mint_token')
    await ask(w, mint, { ...asked, dry_run: true }, w.local)
    await refuse(w, mint, { ...asked, scopes: ['audit:read'] }, w.local)
    expect((await contents(w))['idempotency']).toEqual([])
    await ask(w, mint, { ...asked, scopes: ['demo:write'] }, w.local)
    expect((await contents(w))['idempotency']).toHaveLength(1)
  })
})
