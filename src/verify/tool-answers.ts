// What callers of a protected server are answered: refusals as tool results, and lists of what they may call.

import type { RefusalError } from '../core/refusal.ts'
import type { Message } from './guarded-transport.ts'

type Bag = Readonly<Record<string, unknown>>

/** A refusal as Remit's own tools give it: an error in `structuredContent`, and the same as text. */
export function refusedResult(error: RefusalError, { params }: Message): object {
  const structuredContent = { error }
  const isModern = Object.hasOwn(bag(params?.['_meta']), 'io.modelcontextprotocol/protocolVersion')
  return {
    // Revision 2026-07-28 wants every result to say what it is.
    ...(isModern && { resultType: 'complete' }),
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
    isError: true,
  }
}

/** The list without what may not be called; what is left also answers refusals. */
export function listedFor(result: unknown, maySee: (tool: string) => boolean): unknown {
  const list = bag(result)
  const tools = Array.isArray(list['tools']) ? (list['tools'] as unknown[]) : []
  const seen = tools
    .map(bag)
    .filter(({ name }) => typeof name === 'string' && maySee(name))
    .map(answersRefusals)
  return {
    ...list,
    tools: seen,
    // What one caller may see is nobody else's to keep.
    ...('cacheScope' in list && { cacheScope: 'private' }),
  }
}

/** Clients hold errors against the output schema too, so that it has to allow them. */
function answersRefusals(tool: Bag): Bag {
  if (tool['outputSchema'] === undefined) return tool
  const { $schema, $defs, definitions, ...schema } = bag(tool['outputSchema'])
  return {
    ...tool,
    outputSchema: {
      type: 'object',
      ...($schema !== undefined && { $schema }),
      ...($defs !== undefined && { $defs }),
      ...(definitions !== undefined && { definitions }),
      anyOf: [schema, errorSchema],
    },
  }
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

const bag = (value: unknown): Bag =>
  typeof value === 'object' && value !== null ? (value as Bag) : {}
