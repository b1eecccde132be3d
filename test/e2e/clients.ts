// The clients that hosts use, each connected to a real server: both SDKs, in every way that the newer
// one opens a connection.
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { whenOver } from '../support/shared.ts'
import { compiledOnce } from './compiled-once.ts'
import { answerOf, collect, main } from './support.ts'
import type { Answer, Env, Fields } from './support.ts'

export interface Connected {
  call(name: string, args?: Fields, meta?: object): Promise<Answer>
  /** The whole result of the method, as the client hands it on. */
  list(meta?: object): Promise<Listed>
  resources(meta?: object): Promise<string[]>
  templates(meta?: object): Promise<string[]>
  read(uri: string, meta?: object): Promise<{ text: string; mimeType?: string | undefined }>
  readonly stderr: () => string
}

export interface Listed {
  readonly tools: readonly (Fields & { name: string })[]
  readonly ttlMs?: number
  readonly cacheScope?: string
}

/** To the server that these arguments start. */
export type Connect = (env: Env, args?: readonly string[]) => Promise<Connected>

const info = { name: 'test', version: '1' }
const child = (env: Env, args: readonly string[] = ['stdio']) => ({
  command: process.execPath,
  args: [main, ...args],
  env: { ...env },
  stderr: 'pipe' as const,
})

const older: Connect = async (env, args) => {
  const client = new Client(info, { jsonSchemaValidator: compiledOnce })
  const transport = new StdioClientTransport(child(env, args))
  return connected(client, transport)
}

const newer =
  (mode: 'legacy' | 'auto' | { pin: '2026-07-28' }, era: 'legacy' | 'modern'): Connect =>
  async (env, args) => {
    const client = new ModernClient(info, {
      versionNegotiation: { mode },
      jsonSchemaValidator: compiledOnce,
    })
    const made = await connected(client, new ModernTransport(child(env, args)))
    if (client.getProtocolEra() !== era) throw new Error(`the connection is not of the ${era} era`)
    return made
  }

export const clients: [string, Connect, 'legacy' | 'modern'][] = [
  ['the older SDK', older, 'legacy'],
  ['the newer SDK, legacy', newer('legacy', 'legacy'), 'legacy'],
  ['the newer SDK, auto', newer('auto', 'modern'), 'modern'],
  ['the newer SDK, pinned to 2026-07-28', newer({ pin: '2026-07-28' }, 'modern'), 'modern'],
]

/** The same over HTTP, each request with these headers. */
export type ConnectHttp = (url: string, headers: Record<string, string>) => Promise<Connected>

const newerHttp =
  (mode: 'legacy' | { pin: '2026-07-28' }): ConnectHttp =>
  (url, headers) => {
    const client = new ModernClient(info, {
      versionNegotiation: { mode },
      jsonSchemaValidator: compiledOnce,
    })
    return connected(client, new ModernHttp(new URL(url), { requestInit: { headers } }))
  }

export const httpClients: [string, ConnectHttp][] = [
  [
    'the older SDK',
    (url, headers) => {
      const transport = new StreamableHTTPClientTransport(new URL(url), {
        requestInit: { headers },
      })
      // Its class allows an undefined session where its own interface does not.
      return connected(
        new Client(info, { jsonSchemaValidator: compiledOnce }),
        transport as unknown as Transport,
      )
    },
  ],
  ['the newer SDK, legacy', newerHttp('legacy')],
  ['the newer SDK, pinned to 2026-07-28', newerHttp({ pin: '2026-07-28' })],
]

type Transport = StdioClientTransport | ModernTransport | ModernHttp

/** Listing first makes both clients check what they are answered against the output schemas. */
async function connected(client: Client | ModernClient, transport: Transport): Promise<Connected> {
  const complaints = 'stderr' in transport ? collect(transport) : { text: '' }
  whenOver(() => client.close())
  await client.connect(transport)
  await client.listTools()
  // The newer client keeps lists whoever asks; here each request is to reach the server.
  const fresh: object = client instanceof ModernClient ? { cacheMode: 'bypass' } : {}
  const of = (meta: object | undefined) => (meta === undefined ? {} : { _meta: { ...meta } })
  return {
    stderr: () => complaints.text,
    call: async (name, args = {}, meta = undefined) =>
      answerOf(await client.callTool({ name, arguments: args, ...of(meta) })),
    list: async (meta) => (await client.listTools(of(meta), fresh)) as unknown as Listed,
    resources: async (meta) =>
      (await client.listResources(of(meta), fresh)).resources.map(({ uri }) => uri),
    templates: async (meta) =>
      (await client.listResourceTemplates(of(meta), fresh)).resourceTemplates.map(
        (t) => t.uriTemplate,
      ),
    read: async (uri, meta) => {
      const { contents } = await client.readResource({ uri, ...of(meta) }, fresh)
      const [first] = contents
      if (first === undefined || !('text' in first)) throw new Error(`${uri} has no text`)
      return { text: first.text, mimeType: first.mimeType }
    },
  }
}
