// The second half of every call: permission, decision, commit, answer. A decision whose conditions no
// longer hold at commit is taken again on the present state; nothing is handed out before it is durable.

import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import { Refusal } from '../core/refusal.ts'
import { unrestrictedSince } from '../store/revocations.ts'
import type { Write } from '../store/store.ts'
import { debit } from '../store/uses.ts'
import type { Input } from './arguments.ts'
import { findRecorded, recordOf } from './idempotent.ts'
import { requirePermission } from './may.ts'
import type { Call, Handed, Operation, Outcome } from './operation.ts'
import type { Answer, Request } from './perform.ts'
import { guardOf, presentCaller } from './present-caller.ts'
import { detailOf, eventOf, whoIs } from './record-event.ts'
import { keepAnswer } from './standing-answer.ts'
import type { Moment, Standing } from './standing-answer.ts'

const attempts = 8

export async function decideAndCommit(
  context: Context,
  operation: Operation,
  caller: Caller,
  input: Input,
  request: Request,
  since: Moment,
): Promise<Answer> {
  let present = caller
  // Of before the caller was looked at: whatever restricted it since makes the decision stale.
  let { seq, revision } = since
  for (let attempt = 0; attempt < attempts; attempt++) {
    const call = callOf(context, present, input, request, seq)
    const outcome = await decide(operation, input, call)
    if (isBatched(operation, present, outcome, context)) {
      await context.live.refresh()
      if (context.live.revision !== revision) {
        // Whatever awaited in between decides again (authority: rule 29).
        ;({ seq, revision } = context.live)
        present = await presentCaller(context, caller)
        continue
      }
      const standing = standingOf(operation, call, outcome)
      const decisionId = context.audit.add(standing.auditKey, () => standing.event(request))
      // Uses left are no part of the live state, and an answer about another grant may tell them.
      const isAboutUses = limitedGrants(present).length > 0 || outcome.target !== undefined
      if (operation.stands === true && !isAboutUses) {
        keepAnswer(context, operation, request, since, standing)
      }
      return answerOf(withDecision(outcome.result, decisionId))
    }
    const decision = await commit(operation, input, call, outcome)
    if (decision !== undefined) {
      const { refusal } = outcome
      if (refusal !== undefined) return { ok: false, refusal: refusal.withDecision(decision) }
      return answerOf(outcome.result, await outcome.handOut?.())
    }
    await context.live.refresh()
    ;({ seq, revision } = context.live)
    present = await presentCaller(context, caller)
  }
  throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
}

function callOf(
  context: Context,
  caller: Caller,
  input: Input,
  request: Request,
  seq: number,
): Call {
  return {
    context,
    caller,
    now: context.now(),
    dryRun: input.dry_run === true,
    meta: request.meta ?? {},
    seq,
    ...(input.idempotency_key !== undefined && { idempotencyKey: input.idempotency_key }),
    ...(request.traceId !== undefined && { traceId: request.traceId }),
  }
}

/** A repeat is authorised anew, then answered from what was recorded. */
async function decide(operation: Operation, input: Input, call: Call): Promise<Outcome<object>> {
  const needed = operation.needs?.(input, call)
  if (needed !== undefined) requirePermission(call, needed)
  const recorded = await findRecorded(operation, input, call)
  if (call.caller.mayOnlyRepeat === true && recorded === undefined) {
    throw new Refusal('invalid_client', { message: 'The credential is revoked.' })
  }
  if (recorded === undefined) return operation.handle(input, call)
  // Another process may have answered first since this one caught up: what it made must be known.
  await call.context.live.catchUp()
  const { repeat } = operation
  const outcome = repeat === undefined ? { result: recorded } : await repeat(recorded, input, call)
  return { ...outcome, detail: { ...outcome.detail, repeated: true } }
}

/** Allowed reads wait for the next batch of the audit; everything else is durable with the answer. */
const isBatched = (
  operation: Operation,
  caller: Caller,
  outcome: Outcome<object>,
  { settings }: Context,
): boolean =>
  operation.effect === 'read' &&
  (outcome.writes ?? []).length === 0 &&
  outcome.denied === undefined &&
  settings.auditChecks === 'batched' &&
  !(operation.spendsUse && limitedGrants(caller).length > 0)

/** What its audit needs of an allowed read, however often it is answered. */
function standingOf(operation: Operation, call: Call, outcome: Outcome<object>): Standing {
  const { context, caller } = call
  const { grant } = caller.acting
  const detail = JSON.stringify(outcome.detail ?? {})
  const presenter = caller.token?.id ?? caller.credential?.id ?? ''
  const auditKey = [operation.name, grant.id, presenter, outcome.target ?? '', detail].join(' ')
  const { traceId: _, ...untraced } = call
  const event = ({ traceId }: Request) => {
    const traced = { ...untraced, ...(traceId !== undefined && { traceId }) }
    return eventOf(context, whoIs(caller), happened(operation, traced, outcome))
  }
  return { result: outcome.result, auditKey, event }
}

const happened = ({ name }: Operation, call: Call, outcome: Outcome<object>) => ({
  operation: name,
  code: outcome.refusal?.code ?? outcome.denied ?? 'allowed',
  ...(outcome.target !== undefined && { target: outcome.target }),
  detail: {
    ...outcome.detail,
    ...(outcome.refusal !== undefined && detailOf(outcome.refusal)),
    ...(call.dryRun && { dry_run: true }),
  },
  ...(call.traceId !== undefined && { traceId: call.traceId }),
})

/** The id of the event; `undefined` where something that the decision rests on has changed. */
async function commit(
  operation: Operation,
  input: Input,
  call: Call,
  outcome: Outcome<object>,
): Promise<string | undefined> {
  const { context, caller, seq } = call
  const event = eventOf(context, whoIs(caller), happened(operation, call, outcome))
  setDecision(outcome.result, event.id)
  const writes = call.dryRun ? [] : writesOf(operation, input, call, outcome)
  const guard = unrestrictedSince([...guardOf(caller, context), ...(outcome.guard ?? [])], seq)
  const state = await context.committer.submit({
    writes: [guard, ...writes],
    events: [event],
    ...reservedFor[operation.effect],
  })
  return state === 'committed' ? event.id : undefined
}

function writesOf(
  operation: Operation,
  input: Input,
  call: Call,
  outcome: Outcome<object>,
): readonly Write[] {
  const limited = limitedGrants(call.caller)
  const spends = operation.spendsUse && limited.length > 0
  return [
    ...(spends ? [debit(limited)] : []),
    ...(outcome.writes ?? []),
    ...recordOf(operation, input, call, outcome),
  ]
}

/** What is still written when the disk is full (store/disk.ts). */
const reservedFor = {
  read: { reserved: 'checks' },
  write: {},
  destroy: { reserved: 'revocations' },
} as const

const limitedGrants = ({ acting }: Caller): readonly string[] =>
  acting.chain.filter((grant) => grant.uses !== undefined).map((grant) => grant.id)

/** Results that name their decision learn its id once it is known. */
function setDecision(result: object, id: string): void {
  if ('decision_id' in result) Object.assign(result, { decision_id: id })
}

function withDecision(result: object, id: string): object {
  setDecision(result, id)
  return result
}

export function answerOf(result: object, handed?: Handed): Answer {
  return {
    ok: true,
    result: { ...result, ...(handed !== undefined && { delivery: handed.delivery }) },
    ...(handed?.meta !== undefined && { meta: handed.meta }),
  }
}
