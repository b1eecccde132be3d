// The one path that every call takes, through whatever door it came:
// authenticate → parse → permission → handle → commit with its audit event → answer.

import { actAs } from '../authority/acting.ts'
import { authenticate } from '../authority/authenticate.ts'
import type { Known } from '../authority/authenticated.ts'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import type { Asked } from '../authority/possession.ts'
import { metaKeys, presentedInMeta, unusable } from '../authority/presented.ts'
import type { Meta, Presented } from '../authority/presented.ts'
import { exchanging } from '../authority/exchange.ts'
import type { Exchange } from '../authority/exchange.ts'
import { spendOnce } from '../authority/spent-proofs.ts'
import type { Spending } from '../authority/spent-proofs.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import type { Soon } from '../store/store.ts'
import { parseArguments } from './arguments.ts'
import type { Input } from './arguments.ts'
import { answerOf, decideAndCommit } from './commit.ts'
import type { Operation } from './operation.ts'
import { protectedBy, refuseUnprotected } from './protections.ts'
import { assertServing } from './serving.ts'
import { answerAgain, momentOf } from './standing-answer.ts'
import { bareMay, mustActDown } from './visible.ts'
import { asRefusal, recordRefusal } from './record-refusal.ts'

export interface Request {
  readonly arguments: unknown
  readonly meta?: Meta
  /** What an HTTP request's own header or connection presents; a credential in `meta` beside it is refused. */
  readonly header?: Presented
  /** What the process was started with; a credential in `meta` excludes it. */
  readonly environment: Presented
  /** For a caller by credential: the tokens it exchanges, under whose grant the call then runs. */
  readonly exchange?: Exchange
  /** What a proof must be over, where that is not the operation itself. */
  readonly asked?: Pick<Asked, 'operation' | 'arguments'>
  /** A proof that what is asked for rests on; spent once it is known who calls. */
  readonly spends?: Spending
  /** At the registration endpoint: whoever registers is handed a management token (RFC 7592 §3). */
  readonly wantsManagement?: true
  readonly traceId?: string
}

export type Answer =
  | {
      readonly ok: true
      readonly result: Readonly<Record<string, unknown>>
      readonly meta?: Readonly<Record<string, string>>
    }
  | {
      readonly ok: false
      readonly refusal: Refusal
      /** Refused before it was proven who calls. */
      readonly isStranger?: true
    }

/**
 * Runs one call; answers at once what still stands. Never rejects: whatever goes wrong is a refusal with a
 * stable code.
 */
export function perform(context: Context, operation: Operation, request: Request): Soon<Answer> {
  const caughtUp = catchUp(context)
  // Where it takes more than this turn to know whether anything changed, `performAnew` looks once it knows.
  const again =
    caughtUp instanceof Promise ? undefined : standingAnswer(context, operation, request)
  return again ?? performAnew(context, operation, request, caughtUp)
}

/** What breaks here is a rejection like any other, for which the call is refused. */
function catchUp({ live }: Context): Soon<void> {
  try {
    return live.refresh()
  } catch (error) {
    return Promise.reject(error)
  }
}

function standingAnswer(
  context: Context,
  operation: Operation,
  request: Request,
): Answer | undefined {
  if (operation.stands !== true) return undefined
  try {
    assertServing(context, operation)
    return answerAgain(context, operation, request)
  } catch {
    // Whatever it was, the whole path meets it too, and records it.
    return undefined
  }
}

async function performAnew(
  context: Context,
  operation: Operation,
  request: Request,
  caughtUp: Soon<void>,
): Promise<Answer> {
  let caller: Caller | undefined
  let known: Known | undefined
  try {
    await caughtUp
    // Whoever had to ask elsewhere decides in the turn in which it was told (authority: rule 29).
    const again =
      caughtUp instanceof Promise ? standingAnswer(context, operation, request) : undefined
    if (again !== undefined) return again
    assertServing(context, operation)
    const since = momentOf(context)
    const stranger = await answerStranger(context, operation, request)
    if (stranger !== undefined) return stranger
    const presented = presentedBy(request)
    const isEnvironments = presented === request.environment
    const asked = askedOf(operation, request)
    const authenticated = await authenticate(
      context,
      presented,
      asked,
      isRepeatable(operation, request.arguments),
    )
    if (!authenticated.ok) {
      if (isEnvironments) {
        const claimed = await answerStranger(context, operation, { ...request, environment: dead })
        if (claimed !== undefined) return claimed
      }
      known = authenticated.known
      throw authenticated.refusal
    }
    const proven = { ...authenticated.caller, isEnvironments }
    caller = await narrowByMeta(context, proven, request.meta)
    if (request.spends !== undefined) await spendOnce(context, request.spends)
    if (request.exchange !== undefined) {
      caller = await exchanging(context, caller, request.exchange)
    }
    const input = parseArguments(context, operation, request.arguments)
    caller = await narrowByArgument(context, operation, caller, input)
    refuseBareEnvironment(context, operation, caller)
    caller = await protectedBy(context, caller, asked)
    refuseUnprotected(operation, caller)
    return await decideAndCommit(context, operation, caller, input, request, since)
  } catch (error) {
    const refusal = asRefusal(context, operation, error)
    return {
      ok: false,
      refusal: await recordRefusal(context, operation, request, refusal, caller, known),
      ...(caller === undefined && { isStranger: true }),
    }
  }
}

/** A dead credential in the environment counts as none (authority: rule 9). */
const dead: Presented = { kind: 'unusable' }

/** The operations that need no agent's credential: registering a server, claiming a first secret. */
async function answerStranger(
  context: Context,
  operation: Operation,
  request: Request,
): Promise<Answer | undefined> {
  const presented = presentedBy(request)
  const { strangers } = operation
  if (strangers === undefined || !strangers.presenting.includes(presented.kind)) return undefined
  const input = parseArguments(context, operation, request.arguments)
  const answer = await strangers.handle(input, {
    context,
    presented,
    meta: request.meta ?? {},
    now: context.now(),
    dryRun: input.dry_run === true,
    ...(input.idempotency_key !== undefined && { idempotencyKey: input.idempotency_key }),
    ...(request.wantsManagement === true && { wantsManagement: true }),
  })
  if ('refusal' in answer) return { ok: false, refusal: answer.refusal }
  return answerOf(answer.result, answer.handed)
}

export type Sources = Pick<Request, 'meta' | 'header' | 'environment'>

const askedOf = ({ name }: Operation, { arguments: args, asked, meta = {} }: Request): Asked => ({
  operation: name,
  arguments: args,
  ...asked,
  meta,
})

/** Exactly one source: the request's own, or the environment's where the request has none. */
export function presentedBy({ meta, header, environment }: Sources): Presented {
  const inMeta = presentedInMeta(meta)
  if (inMeta?.kind === 'token' && header?.kind === 'certificate') {
    return { ...inMeta, presentedChain: header.presentedChain }
  }
  const isOne = inMeta === undefined || header === undefined
  if (!isOne || header?.kind === 'unusable') throw unusable()
  return inMeta ?? header ?? environment
}

/** Only a rotation with an idempotency key can be repeated by a secret that it ended. */
const isRepeatable = (operation: Operation, args: unknown): boolean =>
  operation.name === 'rotate_credential' &&
  typeof (args as { idempotency_key?: unknown } | null | undefined)?.idempotency_key === 'string'

/** The harness may narrow a whole request; `tools/list` goes through here too. */
export async function narrowByMeta(
  context: Context,
  caller: Caller,
  meta: Meta | undefined,
): Promise<Caller> {
  const grantId = meta?.[metaKeys.actAs]
  if (grantId === undefined) return caller
  if (typeof grantId !== 'string' || !isId('grt', grantId)) throw new Refusal('invalid_client')
  return actAs(context, caller, grantId)
}

async function narrowByArgument(
  context: Context,
  operation: Operation,
  caller: Caller,
  input: Input,
): Promise<Caller> {
  const grantId = input.act_as
  const { name, refusesActAs } = operation
  if (refusesActAs !== undefined && (grantId !== undefined || caller.actsAs)) {
    throw new Refusal(refusesActAs, {
      message: `${name} cannot be called under act_as.`,
      ...(name === 'mint_token' && { remedy: delegateInstead }),
    })
  }
  return grantId === undefined ? caller : actAs(context, caller, grantId)
}

export const delegateInstead = {
  text: 'Only proof of a credential makes a root. Delegate from the grant that you have.',
  operation: 'delegate_token',
}

/** Where acting down is required, the environment's credential itself may only delegate. */
function refuseBareEnvironment({ settings }: Context, operation: Operation, caller: Caller): void {
  if (!mustActDown(settings, caller) || bareMay.has(operation.name)) return
  throw new Refusal('insufficient_scope', {
    message: 'This process must act under a delegated grant.',
    missing_at: caller.acting.grant.id,
    remedy: { text: 'Delegate first, then pass act_as.', operation: 'delegate_token' },
  })
}
