// The whole of Remit as a host meets it: real clients of both protocol eras, a real server, a real store.
import { describe, expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { isOnPostgres } from '../support/database.ts'
import { shared } from '../support/shared.ts'
import { clients } from './clients.ts'
import { admin, home, local } from './support.ts'
import type { Answer, Fields } from './support.ts'

const ofLocal = [
  'whoami',
  'check_permission',
  'list_permissions',
  'list_resource_types',
  'mint_token',
  'renew_token',
  'claim_handoff',
  'delegate_token',
  'introspect_token',
  'list_tokens',
  'delegation_tree',
  'revoke_token',
  'get_agent',
  'list_agents',
  'add_credential',
  'list_credentials',
  'rotate_credential',
  'revoke_credential',
  'verify_request',
  'auth_challenge',
  'auth_answer',
]

/** A credential's alone, or, delegating, of no use without `tokens:delegate`. */
const notByToken = new Set([
  'mint_token',
  'delegate_token',
  'add_credential',
  'list_credentials',
  'rotate_credential',
  'revoke_credential',
])

const token = (answer: Answer) => ({ 'dev.remit/token': answer.meta['dev.remit/token'] })
const minted = { scopes: ['demo:read', 'tokens:delegate'], delivery: 'meta' }
const jwtLike = /eyJ[\w-]+\.[\w-]+\.[\w-]+/

/** What a client is does not depend on the engine: there the newest will do. */
const asked = isOnPostgres() ? clients.slice(-1) : clients

describe.each(asked)('%s', (_name, connect, era) => {
  const scene = shared(async () => {
    const own = await home()
    const boss = await connect(own.env(admin))
    const client = await connect(own.env(local))
    return { own, boss, client, reader: await own.agent(boss, 'reader', ['demo:read']) }
  })

  test('lists exactly what the presented authority may call', async () => {
    const { own, boss, client } = scene()
    const names = async (meta?: object) => (await client.list(meta)).tools.map(({ name }) => name)
    expect(await names()).toEqual(ofLocal)
    const whole = operations.map(({ name }) => name).filter((n) => n !== 'register_mcp_server')
    expect(await boss.list()).toMatchObject({
      tools: whole.map((name) => ({ name })),
    })

    const narrow = await client.call('mint_token', { scopes: ['demo:read'], delivery: 'meta' })
    expect(await names(token(narrow))).toEqual(ofLocal.filter((name) => !notByToken.has(name)))

    const nobody = await connect(own.env())
    const listed = await nobody.list()
    expect(listed.tools.map(({ name }) => name)).toEqual(['whoami', 'claim_handoff'])
    expect(await nobody.call('whoami')).toMatchObject({ code: 'invalid_client' })
    expect(await nobody.resources()).toEqual(['remit://jwks'])
  })

  test('every tool says what it takes, what it answers and what it does', async () => {
    const { tools } = await scene().boss.list()
    expect(tools).not.toEqual([])
    for (const tool of tools) {
      expect(tool).toMatchObject({
        title: expect.stringMatching(/./),
        description: expect.stringMatching(/./),
        inputSchema: { type: 'object', additionalProperties: false },
        outputSchema: { type: 'object', anyOf: [{ type: 'object' }, { required: ['error'] }] },
        annotations: {
          readOnlyHint: expect.any(Boolean),
          destructiveHint: expect.any(Boolean),
          idempotentHint: expect.any(Boolean),
          openWorldHint: false,
        },
      })
    }
    const hints = (name: string) => tools.find((tool) => tool.name === name)?.['annotations']
    expect(hints('whoami')).toMatchObject({ readOnlyHint: true, destructiveHint: false })
    expect(hints('mint_token')).toMatchObject({ readOnlyHint: false, destructiveHint: false })
    expect(hints('revoke_token')).toMatchObject({ readOnlyHint: false, destructiveHint: true })
  })

  test('mints, delegates and acts down, with tokens in _meta alone', async () => {
    const { client } = scene()
    const root = await client.call('mint_token', minted)
    expect(root).toMatchObject({
      code: 'allowed',
      result: { depth: 0, lineage: [], scopes: minted.scopes, delivery: { kind: 'meta' } },
      meta: { 'dev.remit/token': expect.stringMatching(jwtLike) },
    })
    expect(root.text).toBe(JSON.stringify(root.result))

    const child = await client.call(
      'delegate_token',
      { scopes: ['demo:read'], delivery: 'meta', instance: 'reader' },
      token(root),
    )
    expect(child.result).toMatchObject({
      depth: 1,
      lineage: [root.result['grant_id']],
      scopes: ['demo:read'],
    })
    for (const { text, result } of [root, child]) {
      expect(JSON.stringify([text, result])).not.toMatch(/eyJ|rmt_/)
    }

    const handle = await client.call('mint_token', { scopes: ['demo:read'] })
    expect([handle.result['delivery'], handle.meta['dev.remit/token']]).toEqual([
      { kind: 'handle' },
      undefined,
    ])

    const below = await client.call('delegate_token', { scopes: ['demo:write'] })
    const act_as = below.result['grant_id']
    expect((await client.call('whoami', { act_as })).result).toMatchObject({
      agent: { name: 'local' },
      grant: { id: act_as, depth: 1, scopes: ['demo:write'] },
    })
    const asked = { permissions: ['demo:write', 'demo:read'], act_as }
    expect((await client.call('check_permission', asked)).result).toMatchObject({
      allowed: false,
      results: [
        { permission: 'demo:write', allowed: true, code: 'allowed' },
        { permission: 'demo:read', allowed: false, missing_at: act_as },
      ],
    })
    expect(client.stderr()).not.toMatch(/eyJ|rmt_/)
  })

  test('a refusal is a result that says what is missing, where, and what would mend it', async () => {
    const { client } = scene()
    const root = await client.call('mint_token', minted)
    const wide = { scopes: ['demo:read', 'demo:delete'] }
    const refused = await client.call('delegate_token', wide, token(root))
    expect(refused).toEqual({
      code: 'exceeds_parent',
      result: {
        error: {
          code: 'exceeds_parent',
          message: expect.any(String),
          missing: ['demo:delete'],
          missing_at: root.result['grant_id'],
          remedy: {
            text: expect.any(String),
            operation: 'list_permissions',
            arguments: {},
          },
          failures: [expect.objectContaining({ code: 'exceeds_parent', dimension: 'scopes' })],
          decision_id: expect.stringMatching(/^evt_/),
        },
      },
      meta: expect.any(Object),
      text: JSON.stringify(refused.result),
    })
    const codes = async (name: string, args: Fields = {}) => (await client.call(name, args)).code
    expect({
      'no permission': await codes('register_agent', {
        name: 'n',
        description: 'd',
        owner: 'o',
        ceiling: ['demo:read'],
      }),
      'no such tool': await codes('no_such_tool'),
      'unknown argument': await codes('whoami', { loud: true }),
      'missing argument': await codes('mint_token'),
      'unknown grant': await codes('whoami', { act_as: 'grt_01h455vb4pex5vsknk084sn02q' }),
      'unknown type': await codes('mint_token', { scopes: ['dmeo:read'] }),
    }).toEqual({
      'no permission': 'insufficient_scope',
      'no such tool': 'unknown_operation',
      'unknown argument': 'invalid_request',
      'missing argument': 'invalid_request',
      'unknown grant': 'not_found',
      'unknown type': 'invalid_scope',
    })
  })

  test('a call presents its own credential in _meta, and then the environment has none', async () => {
    const { boss, reader } = scene()
    const name = async (meta?: object) => {
      const { code, result } = await boss.call('whoami', {}, meta)
      return (result['agent'] as { name: string } | undefined)?.name ?? code
    }
    const root = await boss.call('mint_token', { scopes: ['demo:read'], delivery: 'meta' })
    expect([
      await name(reader.meta),
      await name(),
      await name(token(root)),
      await name({ ...reader.meta, 'dev.remit/agent_secret': '' }),
      await name({ 'dev.remit/token': 'x' }),
      await name({ 'dev.remit/api_key': null }),
      await name({ ...reader.meta, ...token(root) }),
      await name(),
    ]).toEqual([
      'reader',
      'admin',
      'admin',
      'invalid_client',
      'invalid_token',
      'invalid_client',
      'invalid_client',
      'admin',
    ])
    const agents = await boss.call('list_agents', {}, reader.meta)
    expect(agents.result['agents']).toMatchObject([{ name: 'reader' }])
  })

  test('resources are reads of operations, the public keys are everyone’s', async () => {
    const { own, client, reader } = scene()
    const root = await client.call('mint_token', minted)
    expect(await client.resources()).toEqual(['remit://jwks', 'remit://delegation-tree'])
    expect(await client.templates()).toEqual(['remit://agents/{id}'])

    const jwks = await client.read('remit://jwks', { 'dev.remit/token': 'x' })
    expect(jwks.mimeType).toBe('application/jwk-set+json')
    const { keys } = JSON.parse(jwks.text) as { keys: Fields[] }
    expect(keys).not.toEqual([])
    for (const key of keys) expect(Object.keys(key)).not.toContain('d')

    const tree = JSON.parse((await client.read('remit://delegation-tree')).text) as Fields
    expect(JSON.stringify(tree['nodes'])).toContain(root.result['grant_id'])

    const mine = await client.read(`remit://agents/${own.made.local.agent_id}`)
    expect(JSON.parse(mine.text)).toMatchObject({ name: 'local' })
    await expect(client.read(`remit://agents/${reader.id}`)).rejects.toThrow(/./)
    const uri = `remit://agents/${reader.id}`
    expect(JSON.parse((await client.read(uri, reader.meta)).text)).toMatchObject({ name: 'reader' })
    await expect(client.read('remit://nothing')).rejects.toThrow(/./)
  })

  test('a list is kept by its caller alone, while the grant lives', async () => {
    const { client } = scene()
    const short = await client.call('mint_token', { ...minted, ttl_seconds: 30 })
    const lists = [await client.list(), await client.list(token(short))]
    const [ofCredential, ofToken] = lists.map(({ ttlMs = 0 }) => ttlMs)
    expect([
      lists.map(({ cacheScope }) => cacheScope),
      ofCredential,
      Number(ofToken) > 0 && Number(ofToken) <= 30_000,
    ]).toEqual(
      era === 'legacy'
        ? [[undefined, undefined], 0, false]
        : [['private', 'private'], 60_000, true],
    )
  })
})
