// A surface with nothing behind it: one tool that echoes, one that waits until it is released, one that
// refuses; two resources. It shows what the doors hand over and what they make of each answer.
import { Refusal } from '../../src/core/refusal.ts'
import type { RequestSource, Surface, Tool, ToolResult } from '../../src/transports/surface.ts'

export interface FakeSurface extends Surface {
  /** Lets every waiting `slow` call finish, and all later ones at once. */
  release(): void
  /** How many tool calls have begun. */
  readonly begun: number
}

export function createFakeSurface(): FakeSurface {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let begun = 0
  return {
    serverInfo: { name: 'fake', title: 'Fake', version: '1.2.3' },
    instructions: 'Call echo.',
    release: () => release(),
    get begun() {
      return begun
    },
    listTools: async ({ meta }) => ({
      items: meta?.['dev.remit/token'] === 'nobody' ? [] : tools,
      ttlMs: 5000,
    }),
    async callTool(name, args, source) {
      begun += 1
      if (name === 'echo') return resultOf({ args, meta: source.meta ?? null })
      if (name === 'slow') return released.then(() => resultOf({ slept: true }))
      if (name === 'wrap')
        return { ...resultOf({ ok: true }), _meta: { 'dev.remit/tokens': ['t'] } }
      if (name === 'deep') return resultOf({ deep: nested(100_000) })
      if (name === 'crash') throw new Error('a secret in a message')
      const code = name === 'refuse' ? 'insufficient_scope' : 'unknown_operation'
      return { ...resultOf({ error: new Refusal(code).toError() }), isError: true }
    },
    listResources: async () => ({
      items: [
        { uri: 'fake://one', name: 'one', title: 'One', description: 'd', mimeType: 'text/plain' },
      ],
      ttlMs: 6000,
    }),
    listResourceTemplates: async () => ({
      items: [
        {
          uriTemplate: 'fake://{id}',
          name: 'any',
          title: 'Any',
          description: 'd',
          mimeType: 'text/plain',
        },
      ],
      ttlMs: 7000,
    }),
    async readResource(uri, source) {
      if (uri === 'fake://one') return { uri, mimeType: 'text/plain', text: metaText(source) }
      throw uri === 'fake://closed'
        ? new Refusal('insufficient_scope', { missing: ['fake:read'] })
        : new Refusal('not_found')
    },
  }
}

const metaText = ({ meta }: RequestSource) => String(meta?.['dev.remit/token'])

const resultOf = (structuredContent: Record<string, unknown>): ToolResult => ({
  content: [{ type: 'text', text: 'said' }],
  structuredContent,
})

function nested(depth: number): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

const tools: readonly Tool[] = ['echo', 'slow', 'refuse', 'wrap', 'deep', 'crash'].map((name) => ({
  name,
  title: name,
  description: `The tool ${name}.`,
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  outputSchema: {
    type: 'object',
    anyOf: [
      { properties: { error: { type: 'object' } }, required: ['error'] },
      { not: { required: ['error'] } },
    ],
  },
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
}))
