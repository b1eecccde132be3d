// The operation table as MCP doors serve it: every operation is a tool, a few reads are resources too.
// Nothing here decides anything; each request goes down the one path of `perform`.

import * as z from 'zod'
import type { Context } from '../authority/context.ts'
import type { Presented } from '../authority/presented.ts'
import { Refusal } from '../core/refusal.ts'
import { authorityFor, saysWho } from '../operations/authority-for.ts'
import { inputSchemaOf, operationByName, operations } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'
import { perform } from '../operations/perform.ts'
import type { Answer } from '../operations/perform.ts'
import { unknownOperation } from '../operations/unknown-operation.ts'
import { instructions } from './instructions.ts'
import { readResource, resources, resourceTemplates } from './resources.ts'
import type { RequestSource, Surface, Tool, ToolResult } from './surface.ts'
import { refusedResult } from './tool-result.ts'
import { traceIn } from './trace.ts'

/** What stands around a message, where each comes on its own. */
export interface Around {
  /** What the HTTP request itself presents. */
  readonly header?: Presented
  readonly traceparent?: string
  /** Is told of a refusal, and whether it was refused before it was proven who asks. */
  readonly told?: (refusal: Refusal, isStranger: boolean) => void
  /** Is told of every call of an operation that there is. */
  readonly answered?: (operation: string, answer: Answer) => void
}

/** The surface of one process, or of one request: `environment` is what the process was started with. */
export function operationSurface(
  context: Context,
  environment: Presented,
  { header, traceparent, told, answered }: Around = {},
): Surface {
  const of = ({ meta }: RequestSource) => ({
    environment,
    ...(header !== undefined && { header }),
    ...(meta !== undefined && { meta }),
    ...traceIn(meta, traceparent),
  })
  const listedTo = async (source: RequestSource, method: string) => {
    const seen = await authorityFor(context, of(source), operations, method)
    // What a request presents itself and cannot be used is told, as a call would tell it (authority: rule 8).
    if (seen.refusal === undefined || !saysWho(source.meta)) return seen
    told?.(seen.refusal, true)
    throw seen.refusal
  }
  return {
    serverInfo: { name: 'remit', title: 'Remit', version: context.settings.version },
    instructions,
    listTools: async (source) => {
      const { visible, ttlMs } = await listedTo(source, 'tools/list')
      return { items: visible.map(toolOf), ttlMs }
    },
    callTool: async (name, args, source) => {
      const operation = operationByName(name) ?? unknownOperation
      const answer = await perform(context, operation, { arguments: args, ...of(source) })
      answered?.(operation.name, answer)
      if (answer.ok) return allowed(answer.result, answer.meta)
      told?.(answer.refusal, answer.isStranger === true)
      return refusedResult(answer.refusal)
    },
    listResources: async (source) => {
      const { visible, ttlMs } = await listedTo(source, 'resources/list')
      return { items: resources(visible), ttlMs }
    },
    listResourceTemplates: async (source) => {
      const { visible, ttlMs } = await listedTo(source, 'resources/templates/list')
      return { items: resourceTemplates(visible), ttlMs }
    },
    readResource: async (uri, source) => {
      try {
        return await readResource(context, uri, of(source))
      } catch (error) {
        if (error instanceof Refusal) told?.(error, false)
        throw error
      }
    },
  }
}

const tools = new WeakMap<Operation, Tool>()

/** Title, description, annotations and both schemas, all from the operation itself. */
function toolOf(operation: Operation): Tool {
  const known = tools.get(operation)
  if (known !== undefined) return known
  const { name, title, summary, effect } = operation
  const tool: Tool = {
    name,
    title,
    description: summary,
    inputSchema: { type: 'object', ...jsonSchema(inputSchemaOf(operation), 'input') },
    outputSchema: {
      type: 'object',
      anyOf: [jsonSchema(operation.output, 'output'), errorSchema],
    },
    annotations: {
      readOnlyHint: effect === 'read',
      destructiveHint: effect === 'destroy',
      idempotentHint: effect === 'read',
      openWorldHint: false,
    },
  }
  tools.set(operation, tool)
  return tool
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}

const errorSchema = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' } },
      required: ['code', 'message'],
    },
  },
  required: ['error'],
}

const allowed = (
  result: Readonly<Record<string, unknown>>,
  meta: Readonly<Record<string, string>> | undefined,
): ToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(result) }],
  structuredContent: result,
  ...(meta !== undefined && { _meta: meta }),
})
