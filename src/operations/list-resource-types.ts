// The types whose scopes mean something in the caller's organisation: those registered there, and
// Remit's own.

import * as z from 'zod'
import { reservedTypes } from '../core/reserved-types.ts'
import { defineOperation } from './operation.ts'
import {
  reservedTypeRecordOf,
  resourceTypeRecordOf,
  resourceTypeShape,
} from './resource-type-record.ts'

export const listResourceTypes = defineOperation({
  name: 'list_resource_types',
  title: 'List resource types',
  summary: 'The resource types and operations that scopes can name in this organisation.',
  permission: '·',
  effect: 'read',
  spendsUse: false,
  input: z.strictObject({}),
  output: z.object({ resource_types: z.array(z.object(resourceTypeShape)) }),
  handle: (_input, { caller, context }) => {
    const registered = [...context.live.resourceTypes.values()]
      .filter(({ orgId }) => orgId === caller.orgId)
      .toSorted((a, b) => (a.type < b.type ? -1 : 1))
      .map(resourceTypeRecordOf)
    const reserved = [...reservedTypes].map(([type, operations]) =>
      reservedTypeRecordOf(type, operations.keys()),
    )
    return { result: { resource_types: [...registered, ...reserved] } }
  },
})
