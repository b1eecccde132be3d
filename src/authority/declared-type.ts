// What registering a resource type comes to, whoever does it: the first registrant owns the type and may
// extend it. An operation once registered stays: taking it away would change what existing grants say.

import { Refusal } from '../core/refusal.ts'
import { reservedTypes } from '../core/reserved-types.ts'
import type { ResourceType } from '../core/state.ts'
import { sinceThisChange } from '../store/resource-types.ts'

export type Declared = Pick<
  ResourceType,
  'orgId' | 'type' | 'ownerId' | 'createdAt' | 'createdUnder'
> & {
  /** Absent: as it is, or none. */
  readonly description?: string
  readonly operations: readonly string[]
}

/** The record as it shall be; refuses reserved types, those of others, and fewer operations. */
export function declareType(declared: Declared, known: ResourceType | undefined): ResourceType {
  const { description, operations, ...fresh } = declared
  const { type, ownerId } = declared
  if (reservedTypes.has(type)) throw taken(type, 'It is reserved.')
  if (known !== undefined && known.ownerId !== ownerId) {
    throw taken(type, 'A type belongs to whoever registered it first.')
  }
  const missing = [...(known?.operations.keys() ?? [])].filter((op) => !operations.includes(op))
  if (missing.length > 0) throw narrowing(type, missing)
  const since = (op: string) => known?.operations.get(op) ?? sinceThisChange
  return {
    ...(known ?? fresh),
    description: description ?? known?.description ?? '',
    operations: new Map(operations.map((op) => [op, since(op)])),
  }
}

/** The operations that are new with this change. */
export const addedOperations = ({ operations }: ResourceType): string[] =>
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
