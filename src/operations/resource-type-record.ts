// A resource type as operations show it.

import * as z from 'zod'
import type { ResourceType } from '../core/state.ts'
import { strings, time } from './fields.ts'

export const resourceTypeShape = {
  type: z.string(),
  operations: strings,
  description: z.string(),
  owner_id: z.string().optional().describe('The agent that registered it first.'),
  created_at: time.optional(),
  created_under: z.string().optional(),
  reserved: z.boolean().describe("Remit's own: nobody can register or change it."),
}

export const resourceTypeRecordOf = (type: ResourceType) => ({
  type: type.type,
  operations: [...type.operations.keys()],
  description: type.description,
  owner_id: type.ownerId,
  created_at: type.createdAt,
  ...(type.createdUnder !== undefined && { created_under: type.createdUnder }),
  reserved: false,
})

export const reservedTypeRecordOf = (type: string, operations: Iterable<string>) => ({
  type,
  operations: [...operations],
  description: type === 'tool' ? 'Tools of registered MCP servers.' : "Remit's own operations.",
  reserved: true,
})
