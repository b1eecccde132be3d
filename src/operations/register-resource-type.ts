// Registers a resource type, or, by its first registrant, adds operations to it or describes it anew.
// An operation once registered stays: taking it away would change what existing grants say.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import { reservedTypes } from '../core/reserved-types.ts'
import type { ResourceType } from '../core/state.ts'
import { putResourceType, sinceThisChange } from '../store/resource-types.ts'
import { freeText, name } from './fields.ts'
import { requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call } from './operation.ts'
import { resourceTypeRecordOf, resourceTypeShape } from './resource-type-record.ts'

const input = z.strictObject({
  type: name.describe('The first part of its scopes, e.g. documents in documents/reports:read.'),
  operations: z
    .array(name)
    .min(1)
    .max(128)
    .describe('All its operations, e.g. read and write; again with more of them to add some.'),
  description: freeText,
})

export const registerResourceType = defineOperation({
  name: 'register_resource_type',
  title: 'Register a resource type',
  summary:
    'Make a type with its operations known, so that scopes can name it; its first registrant may extend it.',
  permission: 'resource_types:register',
  needs: () => 'resource_types:register',
  effect: 'write',
  spendsUse: true,
  input,
  output: z.object({ ...resourceTypeShape, dry_run: z.boolean().optional() }),
  handle: (asked, call) => {
    requireRootOrCredential(call)
    const known = call.context.live.resourceType(call.caller.orgId, asked.type)
    const type = typeOf(asked, call, known)
    return {
      result: { ...resourceTypeRecordOf(type), ...(call.dryRun && { dry_run: true }) },
      writes: [putResourceType(type, known)],
      target: type.type,
      detail: { operations: added(type) },
    }
  },
})

function typeOf(
  asked: z.output<typeof input>,
  { caller, now }: Call,
  known: ResourceType | undefined,
): ResourceType {
  const { type, operations, description } = asked
  if (reservedTypes.has(type)) throw taken(type, 'It is reserved.')
  if (known !== undefined && known.ownerId !== caller.agent.id) {
    throw taken(type, 'A type belongs to whoever registered it first.')
  }
  const missing = [...(known?.operations.keys() ?? [])].filter((op) => !operations.includes(op))
  if (missing.length > 0) throw narrowing(type, missing)
  const since = (op: string) => known?.operations.get(op) ?? sinceThisChange
  const { grant } = caller.acting
  return {
    ...(known ?? {
      orgId: caller.orgId,
      type,
      ownerId: caller.agent.id,
      createdAt: now,
      createdUnder: grant.id,
    }),
    description,
    operations: new Map(operations.map((op) => [op, since(op)])),
  }
}

const added = ({ operations }: ResourceType): string[] =>
  [...operations].filter(([, since]) => since === sinceThisChange).map(([op]) => op)

const taken = (type: string, why: string): Refusal =>
  new Refusal('conflict', {
    message: `The type ${type} cannot be registered by this caller. ${why}`,
    remedy: { text: 'Choose another name.', operation: 'list_resource_types', arguments: {} },
  })

const narrowing = (type: string, missing: readonly string[]): Refusal =>
  new Refusal('conflict', {
    message: `Operations of ${type} cannot be taken away: ${missing.join(', ')}.`,
    missing,
    remedy: { text: 'Name all operations that are registered, and those to add.' },
  })
