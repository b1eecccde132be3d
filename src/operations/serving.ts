// Whether this server may answer a call at all: its clock is right, it is registered, and what it answers can be
// written down.

import { assertClock } from '../authority/clock.ts'
import type { Context } from '../authority/context.ts'
import { assertRegistered } from '../authority/registration.ts'
import type { Operation } from './operation.ts'

export function assertServing(context: Context, operation: Operation): void {
  assertClock(context)
  if (operation.name !== 'register_mcp_server') assertRegistered(context)
  // What ends authority is durable with its own event, or does not happen; it waits for no other's.
  if (operation.effect !== 'destroy') context.audit.assertWritable()
}
