// An MCP server whose tools are protected, in each SDK: who may not call a tool does not see it, and is refused
// in the words in which Remit refuses.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as ModernServer } from '@modelcontextprotocol/server'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { revokeToken } from '../../src/operations/revoke-token.ts'
import { protectTools } from '../../src/verify/protect-tools.ts'
import type { ProtectOptions } from '../../src/verify/protect-tools.ts'
import { minted } from '../attacks/attack.ts'
import { boundKey, provenMeta } from '../support/bound.ts'
import type { PrivateJwk } from '../../src/sign/key-proof.ts'
import { served } from './served.ts'
import type { Served } from './served.ts'

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })
const options: ProtectOptions = { server: 'notes', scopeNames: { readAll: 'read-all' } }

/** What the tools were told of their caller. */
interface Told {
  readonly authInfo?: { readonly extra?: { readonly remit?: { readonly agent_id: string } } }
  readonly _meta?: object
}

function addTools(server: McpServer, told: Told[]): void {
  const output = { outputSchema: { said: z.string() } }
  for (const name of ['add', 'list', 'readAll', 'Strange Name']) {
    server.registerTool(
      name,
      { inputSchema: { note: z.string().optional() }, ...output },
      (_, extra) => {
        told.push(extra as Told)
        return { ...text(name), structuredContent: { said: name } }
      },
    )
  }
}

type Make = (s: Served, told: Told[]) => { connect(transport: never): Promise<void> }

/** The same four tools behind every kind of server, in every order of doing things. */
const servers: Readonly<Record<string, Make>> = {
  'an McpServer protected before it has tools': (s, told) => {
    const server = new McpServer({ name: 'notes', version: '1' })
    protectTools(server, s.verifier(), options)
    addTools(server, told)
    return server
  },
  'an McpServer that has its handlers already': (s, told) => {
    const capabilities = { capabilities: { tools: {} } }
    const server = new McpServer({ name: 'notes', version: '1' }, capabilities)
    addTools(server, told)
    protectTools(server, s.verifier(), options)
    return server
  },
  'a low-level server': (s, told) => {
    const server = new Server({ name: 'notes', version: '1' }, { capabilities: { tools: {} } })
    protectTools(server, s.verifier(), options)
    const names = ['add', 'list', 'readAll', 'Strange Name']
    const outputSchema = {
      type: 'object' as const,
      properties: { said: { $ref: '#/$defs/text' } },
      required: ['said'],
      $defs: { text: { type: 'string' } },
    }
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: names.map((name) => ({
        name,
        inputSchema: { type: 'object' as const },
        outputSchema,
      })),
    }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
      told.push({ ...extra, ...params } as Told)
      return { ...text(params.name), structuredContent: { said: params.name } }
    })
    return server
  },
  'a server of SDK 2.x': (s, told) => {
    const server = new ModernServer({ name: 'notes', version: '1' })
    protectTools(server, s.verifier(), options)
    for (const name of ['add', 'list', 'readAll', 'Strange Name']) {
      const schemas = { inputSchema: z.object({}), outputSchema: z.object({ said: z.string() }) }
      server.registerTool(name, schemas, (_, ctx) => {
        told.push(ctx.mcpReq as Told)
        return { ...text(name), structuredContent: { said: name } }
      })
    }
    return server as unknown as { connect(transport: never): Promise<void> }
  },
}

async function connected(make: Make, s: Served) {
  const told: Told[] = []
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await make(s, told).connect(theirs as never)
  const client = new Client({ name: 'test', version: '1' })
  onTestFinished(() => client.close())
  await client.connect(ours)
  const metaOf = (token?: string) => (token === undefined ? {} : { 'dev.remit/token': token })
  return {
    told,
    client,
    tools: async (token?: string) =>
      (await client.listTools({ _meta: metaOf(token) })).tools.map(({ name }) => name),
    call: async (name: string, token?: string, more: object = {}) => {
      const params = { name, arguments: {}, _meta: { ...metaOf(token), ...more } }
      const { isError, structuredContent, content } = await client.callTool(params)
      const [said] = content as { text: string }[]
      return { isError, structuredContent, text: said?.text }
    },
  }
}

describe.each(Object.entries(servers))('%s', (_, make) => {
  test('answers whoever may call, and keeps the token from the tool', async () => {
    const s = await served()
    const { token } = await s.mint({ scopes: ['tool/notes/add:invoke'] }, s.w.admin)
    const { call, tools, told } = await connected(make, s)
    expect(await tools(token)).toEqual(['add'])
    expect(await call('add', token)).toMatchObject({ structuredContent: { said: 'add' } })
    expect(JSON.stringify(told)).not.toContain(token)
    expect(told).toHaveLength(1)
  })

  test('refuses a tool that is not covered as Remit would, also to a client that knows its schema', async () => {
    const s = await served()
    const { token, grantId } = await s.mint({ scopes: ['tool/notes/add:invoke'] }, s.w.admin)
    const { token: both } = await s.mint({ scopes: ['tool/notes/**:invoke'] }, s.w.admin)
    const { call, tools } = await connected(make, s)
    await tools(both)
    const refused = await call('list', token)
    expect(refused.structuredContent).toEqual({
      error: {
        code: 'insufficient_scope',
        message: 'The caller lacks a permission.',
        missing: ['tool/notes/list:invoke'],
        missing_at: grantId,
        remedy: {
          text: 'Ask whoever delegated this grant for one that covers what is missing.',
          operation: 'delegate_token',
          arguments: { to: s.w.admin.id, scopes: ['tool/notes/list:invoke'] },
        },
      },
    })
    expect(refused.isError).toBe(true)
    expect(refused.text).toBe(JSON.stringify(refused.structuredContent))
  })

  test('shows a stranger nothing and answers it nothing', async () => {
    const s = await served()
    const { text: forRemit } = await s.mint()
    const { call, tools, told } = await connected(make, s)
    for (const token of [undefined, 'x', '', forRemit]) {
      expect(await tools(token)).toEqual([])
      const { structuredContent } = await call('add', token)
      const code = token === undefined || token === '' ? 'invalid_client' : 'invalid_token'
      expect(structuredContent).toMatchObject({ error: { code } })
    }
    expect(told).toEqual([])
  })

  test('knows a tool by its name in scopes; what has none is for nobody', async () => {
    const s = await served()
    const { token } = await s.mint({ scopes: ['tool/notes/**:invoke'] }, s.w.admin)
    const { call, tools } = await connected(make, s)
    expect(await tools(token)).toEqual(['add', 'list', 'readAll'])
    expect(await call('readAll', token)).toMatchObject({ structuredContent: { said: 'readAll' } })
    const { token: exact } = await s.mint({ scopes: ['tool/notes/read-all:invoke'] }, s.w.admin)
    expect(await tools(exact)).toEqual(['readAll'])
    for (const name of ['Strange Name', 'nowhere', '__proto__', '../notes/add', 'Add']) {
      const { structuredContent } = await call(name, exact)
      expect(structuredContent).toMatchObject({ error: { code: 'insufficient_scope' } })
    }
  })

  test('refuses within a period what was revoked', async () => {
    const s = await served()
    const root = await s.mint({ scopes: ['tool/notes/**:invoke', 'tokens:delegate'] }, s.w.admin)
    const child = await s.delegate(root, { scopes: ['tool/notes/add:invoke'] })
    const { call, tools } = await connected(make, s)
    expect(await call('add', child.token)).toMatchObject({ structuredContent: { said: 'add' } })
    s.w.pass(1)
    await s.w.result(revokeToken, { grant_id: root.grantId, cause: 'test' })
    s.w.pass(6)
    expect(await call('add', child.token)).toMatchObject({
      structuredContent: { error: { code: 'ancestor_revoked', missing_at: child.grantId } },
    })
    expect(await tools(child.token)).toEqual([])
  })

  test('never crosses the answers of two callers who ask at once', async () => {
    const s = await served()
    const tokens = await Promise.all(
      ['add', 'list', 'read-all'].map(
        async (tool) => (await s.mint({ scopes: [`tool/notes/${tool}:invoke`] }, s.w.admin)).token,
      ),
    )
    const { tools } = await connected(make, s)
    const asked = Array.from({ length: 30 }, (_, i) => tools(tokens[i % 3]))
    const names = [['add'], ['list'], ['readAll']]
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 30 }, (_, i) => names[i % 3]))
  })
})

test('a tool is told who is calling', async () => {
  const s = await served()
  const { token } = await s.mint({ scopes: ['tool/notes/add:invoke'] }, s.w.admin)
  const { call, told } = await connected(servers['a low-level server'] as Make, s)
  await call('add', token)
  expect(told[0]?.authInfo?.extra?.remit?.agent_id).toBe(s.w.admin.id)
})

test('a bound token is refused without a proof of the very call, and a proof is good once', async () => {
  const s = await served()
  const key = boundKey()
  const { text: token } = await minted(s.w, s.w.admin, {
    scopes: ['tool/notes/add:invoke'],
    audience: [s.audience],
    bind_jwk: key.publicJwk,
  })
  const { call } = await connected(servers['a low-level server'] as Make, s)
  const proof = async (by: PrivateJwk, claims: object = {}, operation = 'add') => {
    const proving = { claims: { audience: s.audience, ...claims } }
    const meta = await provenMeta(s.w, by, token, operation, {}, proving)
    return { 'dev.remit/proof': meta['dev.remit/proof'] }
  }
  const code = async (more: object) => {
    const { structuredContent } = await call('add', token, more)
    return (structuredContent as { error?: { code: string } }).error?.code ?? 'allowed'
  }
  for (const hostile of [
    {},
    { 'dev.remit/proof': 'x' },
    { 'dev.remit/proof': null },
    await proof(key.privateJwk, {}, 'list'),
    await proof(key.privateJwk, { audience: s.w.issuer }),
    await proof(key.privateJwk, { arguments: { note: 'other' } }),
    await proof(boundKey().privateJwk),
  ]) {
    expect(await code(hostile)).toBe('invalid_token')
  }
  const good = await proof(key.privateJwk)
  expect(await code(good)).toBe('allowed')
  expect(await code(good)).toBe('invalid_token')
})

test('a proof is good once, whichever server of a verifier it is shown to', async () => {
  const s = await served()
  const verifier = s.verifier()
  const shared = { ...s, verifier: () => verifier }
  const key = boundKey()
  const { text: token } = await minted(s.w, s.w.admin, {
    scopes: ['tool/notes/add:invoke'],
    audience: [s.audience],
    bind_jwk: key.publicJwk,
  })
  const claims = { audience: s.audience }
  const meta = await provenMeta(s.w, key.privateJwk, token, 'add', {}, { claims })
  const answers = []
  for (let i = 0; i < 2; i += 1) {
    const { call } = await connected(servers['a low-level server'] as Make, shared)
    answers.push((await call('add', token, { 'dev.remit/proof': meta['dev.remit/proof'] })).isError)
  }
  expect(answers).toEqual([undefined, true])
})

describe('what cannot be protected', () => {
  test('is refused when it is set up', async () => {
    const s = await served()
    const server = new McpServer({ name: 'notes', version: '1' })
    expect(() => {
      protectTools(server, s.verifier(), { server: 'No Name' })
    }).toThrow(TypeError)
    const [ours] = InMemoryTransport.createLinkedPair()
    await server.connect(ours)
    onTestFinished(() => server.close())
    expect(() => {
      protectTools(server, s.verifier(), { server: 'notes' })
    }).toThrow('before connecting')
  })
})
