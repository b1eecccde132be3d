// whoami: who the caller is, under which grant, and what it may call.

import * as z from 'zod'
import { audienceName, audienceOf } from '../authority/audience.ts'
import { effectiveScopes } from '../core/authority.ts'
import * as field from './fields.ts'
import { defineOperation } from './operation.ts'
import type { Operation } from './operation.ts'
import { leastLeft } from './reissuing.ts'
import { visibleTo } from './visible.ts'

const output = z.object({
  agent: z.object({
    id: z.string(),
    name: z.string(),
    owner: z.string(),
    status: field.status,
  }),
  instance: z.string().optional(),
  org_id: z.string(),
  grant: z.object({
    id: z.string(),
    parent_id: z.string().optional(),
    lineage: field.strings,
    scopes: field.strings,
    audience: field.strings,
    expires_at: field.time.optional(),
    depth: z.int(),
    max_depth: z.int(),
    uses_left: z.int().optional(),
    task: z.string().optional(),
  }),
  method: z.string(),
  operations: field.strings,
  warnings: field.strings,
})

/** `table` is the table it stands in, which names the operations. */
export const whoamiAmong = (table: () => readonly Operation[]) =>
  defineOperation({
    name: 'whoami',
    title: 'Who am I',
    summary: 'Your agent, the grant you act under, and the operations it lets you call.',
    permission: '·',
    effect: 'read',
    spendsUse: false,
    stands: true,
    input: z.object({}),
    output,
    handle: async (_, call) => {
      const { caller, context } = call
      const { agent, acting } = caller
      const { grant } = acting
      const left = await leastLeft(call, acting)
      return {
        result: {
          agent: { id: agent.id, name: agent.name, owner: agent.owner, status: agent.status },
          ...(grant.instanceId !== undefined && { instance: grant.instanceId }),
          org_id: caller.orgId,
          grant: {
            id: grant.id,
            ...(grant.parentId !== undefined && { parent_id: grant.parentId }),
            lineage: [...grant.lineage],
            scopes: effectiveScopes(acting).map((scope) => scope.text),
            audience: audienceOf(context, grant).map((id) => audienceName(context, id)),
            ...(grant.expiresAt !== undefined && { expires_at: grant.expiresAt }),
            depth: grant.depth,
            max_depth: grant.maxDepth,
            ...(left !== undefined && { uses_left: left }),
            ...(grant.task !== undefined && { task: grant.task }),
          },
          method: caller.method,
          operations: visibleTo(context, caller, table()).map(({ name }) => name),
          warnings: [...caller.warnings, ...context.settings.warnings],
        },
      }
    },
  })
