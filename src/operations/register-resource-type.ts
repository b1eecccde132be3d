// Registers a resource type, or, by its first registrant, adds operations to it or describes it anew.

import * as z from 'zod'
import { addedOperations, declareType } from '../authority/declared-type.ts'
import { putResourceType } from '../store/resource-types.ts'
import { freeText, name } from './fields.ts'
import { requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'
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
    const { caller, now } = call
    const known = call.context.live.resourceType(caller.orgId, asked.type)
    const owner = { orgId: caller.orgId, ownerId: caller.agent.id }
    const made = { createdAt: now, createdUnder: caller.acting.grant.id }
    const type = declareType({ ...asked, ...owner, ...made }, known)
    return {
      result: { ...resourceTypeRecordOf(type), ...(call.dryRun && { dry_run: true }) },
      writes: [putResourceType(type, known)],
      target: type.type,
      detail: { operations: addedOperations(type) },
    }
  },
})
