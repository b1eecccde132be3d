// A refusal as MCP doors hand it out: a result that says so, with the error object of every door.

import type { Refusal } from '../core/refusal.ts'
import type { ToolResult } from './surface.ts'

export function refusedResult(refusal: Refusal): ToolResult {
  const result = { error: refusal.toError() }
  return {
    content: [{ type: 'text', text: JSON.stringify(result) }],
    structuredContent: result,
    isError: true,
  }
}
