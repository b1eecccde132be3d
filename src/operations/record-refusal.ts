// How a call that was refused ends: with a stable code, and in the audit under whoever is known to have made it.

import type { Known } from '../authority/authenticated.ts'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import { Refusal } from '../core/refusal.ts'
import type { Operation } from './operation.ts'
import type { Request } from './perform.ts'
import { aStranger, detailOf, eventOf, whoIs, whoWas } from './record-event.ts'

/** Whatever was thrown, as a refusal with a stable code. */
export function asRefusal(context: Context, operation: Operation, error: unknown): Refusal {
  if (error instanceof Refusal) return error
  const isStore = (error as Error | null)?.name === 'StoreProblem'
  context.log.error({ operation: operation.name, error: String(error) }, 'operation failed')
  return new Refusal(isStore ? 'unavailable' : 'server_error', { cause: error })
}

/** Refusals of known callers are durable with the answer; those of strangers are counted. */
export async function recordRefusal(
  context: Context,
  operation: Operation,
  { traceId }: Pick<Request, 'traceId'>,
  refusal: Refusal,
  caller: Caller | undefined,
  known: Known | undefined,
): Promise<Refusal> {
  const happened = {
    operation: operation.name,
    code: refusal.code,
    detail: detailOf(refusal),
    ...(traceId !== undefined && { traceId }),
  }
  const { finding, reason } = refusal.detail
  if (caller === undefined && known === undefined) {
    const key = `${operation.name}/${refusal.code}/${finding ?? ''}/${reason ?? ''}`
    context.audit.addStranger(key, () => eventOf(context, aStranger(context), happened))
    return refusal
  }
  const who = caller === undefined ? whoWas(known as Known) : whoIs(caller)
  const event = eventOf(context, who, happened)
  // That nothing can be written is no decision, and must not take what is kept for decisions.
  const isDecision = refusal.code !== 'unavailable'
  try {
    const written = await context.committer.submit({
      writes: [],
      events: [event],
      ...(isDecision && { reserved: 'checks' }),
    })
    return written === 'committed' ? refusal.withDecision(event.id) : refusal
  } catch {
    return refusal
  }
}
