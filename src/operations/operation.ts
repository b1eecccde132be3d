// What an operation is: one object from which come the MCP tool, the HTTP route, the command, the
// reference table and the audit action. A handler reads, decides and returns its writes; it does not
// write. `perform.ts` is the one path that runs it.

import type * as z from 'zod'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import type { Presented } from '../authority/presented.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Write } from '../store/store.ts'

export type Inputs = z.ZodObject

/** The arguments every operation takes; `perform` deals with them. */
export interface CommonArguments {
  readonly act_as?: string | undefined
  readonly dry_run?: boolean | undefined
  readonly idempotency_key?: string | undefined
}

export interface Call {
  readonly context: Context
  readonly caller: Caller
  readonly now: number
  readonly dryRun: boolean
  /** The request's metadata, for the few values that may arrive there instead of as arguments. */
  readonly meta: Readonly<Record<string, unknown>>
  /** The newest change that this decision knows of. */
  readonly seq: number
  readonly idempotencyKey?: string
  readonly traceId?: string
}

/** What is handed to the caller besides the result, made only after the commit. */
export interface Handed {
  readonly delivery: Readonly<Record<string, unknown>>
  readonly meta?: Readonly<Record<string, string>>
}

export interface Outcome<Result> {
  readonly result: Result
  readonly writes?: readonly Write[]
  /** Keys of revocation.ts whose newer restriction makes the decision stale, beside the caller's. */
  readonly guard?: readonly string[]
  /** For the audit: the id the call was about, and what else is worth remembering. Never a secret. */
  readonly target?: string
  readonly detail?: Readonly<Record<string, unknown>>
  /** Hands out a token or secret after the commit; what it returns becomes `delivery`. */
  readonly handOut?: () => Handed | Promise<Handed>
  /** Where the outcome is a denied decision rather than a refusal: its code, for the audit. */
  readonly denied?: string
  /** A refusal whose writes must be committed all the same; thrown after the commit. */
  readonly refusal?: Refusal
}

export interface Operation<Input extends Inputs = Inputs, Result extends object = object> {
  readonly name: string
  readonly title: string
  /** One or two sentences that an agent can act on. */
  readonly summary: string
  /** As the reference table shows it; `·` stands for one's own. */
  readonly permission: string
  /**
   * The scope needed before the handler runs, exact for these arguments; `undefined` leaves the
   * decision to the handler, which must then refuse what is not the caller's own.
   */
  readonly needs?: (input: z.output<Input>, call: Call) => string | undefined
  readonly effect: 'read' | 'write' | 'destroy'
  /** Whether `·` needs a call by credential without `act_as` (authority: rules 1 and 3). */
  readonly ownNeedsCredential?: true
  /** Whether an allowed call takes one use from limited grants (authority: rule 24). */
  readonly spendsUse: boolean
  /**
   * Whether an answer rests on nothing but what was presented, the arguments, the live state and the
   * clock, so that it may be given again while none of them changed (standing-answer.ts).
   */
  readonly stands?: true
  /** The code with which `act_as` is refused, where it makes no sense (authority: rules 1 and 3). */
  readonly refusesActAs?: 'invalid_request' | 'exceeds_parent'
  readonly input: Input
  readonly output: z.ZodObject
  readonly handle: (
    input: z.output<Input>,
    call: Call,
  ) => Outcome<Result> | Promise<Outcome<Result>>
  /** Answers calls that present no agent's credential, for the two operations that take such. */
  readonly strangers?: {
    readonly presenting: readonly Presented['kind'][]
    readonly handle: (
      input: z.output<Input>,
      call: StrangersCall,
    ) => Promise<StrangersAnswer<Result>>
  }
  /**
   * Answers a repeat of a call that was answered before, from its recorded result. Absent: the recorded
   * result is the answer. Present where something is handed out anew.
   */
  readonly repeat?: (
    recorded: Result,
    input: z.output<Input>,
    call: Call,
  ) => Outcome<Result> | Promise<Outcome<Result>>
}

/** Already committed with its event, unlike an `Outcome`; what is thrown instead is not. */
export type StrangersAnswer<Result> =
  | { readonly result: Result; readonly handed?: Handed }
  | { readonly refusal: Refusal }

/** What a call without an agent's credential works with. */
export interface StrangersCall {
  readonly context: Context
  readonly presented: Presented
  readonly meta: Readonly<Record<string, unknown>>
  readonly now: number
  readonly dryRun: boolean
  readonly idempotencyKey?: string
  readonly wantsManagement?: true
}

/** Keeps the types of input and result together; returns the operation as it is. */
export const defineOperation = <Input extends Inputs, Result extends object>(
  operation: Operation<Input, Result>,
): Operation<Input, Result> => operation
