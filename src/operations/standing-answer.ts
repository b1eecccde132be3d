// Answers that stand. What some reads answer rests on nothing but what was presented, the arguments, the
// live state and the clock: while no change was taken in and the second has not passed, the same question
// has the same answer, and only its audit is new. Refusals and denials are never kept.

import type { Context } from '../authority/context.ts'
import { metaKeys } from '../authority/presented.ts'
import type { Presented } from '../authority/presented.ts'
import type { UnlinkedEvent } from '../core/audit-link.ts'
import { sha256 } from '../crypto/keyed-hash.ts'
import type { Operation } from './operation.ts'
import type { Answer, Request } from './perform.ts'

/** What is needed to give an answer again. */
export interface Standing {
  readonly result: object
  /** Under which equal decisions are counted. */
  readonly auditKey: string
  readonly event: (request: Request) => UnlinkedEvent
}

/** When a call began: what it decides stands for this moment only. */
export interface Moment {
  readonly revision: number
  readonly second: number
  /** The newest change that was known then. */
  readonly seq: number
}

interface Kept extends Standing {
  /** The answer that names the decision it was given under last. */
  answer: { readonly decisionId: string; readonly given: Answer }
}

/** By what was presented, then by the arguments. */
type Answers = Map<string | Presented, Map<string, Kept>>
type Memory = Moment & { readonly answers: Answers }

const memories = new WeakMap<Context, Map<Operation, Memory>>()
const mostSources = 10_000
const mostQuestions = 256
const longestArguments = 4096

export const momentOf = ({ live, now }: Context): Moment => ({
  revision: live.revision,
  second: now(),
  seq: live.seq,
})

/** The answer again, counted in the audit; `undefined` where it must be found on the whole path. */
export function answerAgain(
  context: Context,
  operation: Operation,
  request: Request,
): Answer | undefined {
  const memory = memories.get(context)?.get(operation)
  if (memory === undefined || !isNow(context, memory)) return undefined
  const source = sourceOf(request)
  const questions = source === undefined ? undefined : memory.answers.get(source)
  const kept = questions?.get(questionOf(request))
  if (kept === undefined) return undefined
  const decisionId = context.audit.add(kept.auditKey, () => kept.event(request))
  if (kept.answer.decisionId !== decisionId) kept.answer = naming(kept.result, decisionId)
  return kept.answer.given
}

/** Keeps an answer that was begun at `since`, unless anything changed meanwhile. */
export function keepAnswer(
  context: Context,
  operation: Operation,
  request: Request,
  since: Moment,
  standing: Standing,
): void {
  const source = sourceOf(request)
  if (source === undefined || !isNow(context, since)) return
  const question = questionOf(request)
  if (question.length > longestArguments) return
  const { answers } = memoryAt(context, operation, since)
  const questions = answers.get(source) ?? new Map<string, Kept>()
  if (questions.size >= mostQuestions) return
  if (questions.size === 0 && answers.size >= mostSources) return
  answers.set(source, questions)
  questions.set(question, { ...standing, answer: naming(standing.result, '') })
}

/** Everything kept before a change or another second is gone. */
function memoryAt(context: Context, operation: Operation, since: Moment): Memory {
  const ofOperations = memories.get(context) ?? new Map<Operation, Memory>()
  memories.set(context, ofOperations)
  const known = ofOperations.get(operation)
  if (known !== undefined && isNow(context, known)) return known
  const fresh = { ...since, answers: new Map() }
  ofOperations.set(operation, fresh)
  return fresh
}

const isNow = (
  { live, now }: Context,
  { revision, second }: Pick<Moment, 'revision' | 'second'>,
): boolean => revision === live.revision && second === now()

/** A bare token by its hash, or the environment's credential itself; nothing else is kept for. */
function sourceOf({ meta, header, environment }: Request): string | Presented | undefined {
  let token: unknown
  if (header !== undefined) {
    if (header.kind !== 'token' || header.presentedProof !== undefined) return undefined
    // A token that came with a certificate may be bound to it.
    if (header.over?.scheme !== 'Bearer' || header.over.presentedChain !== undefined)
      return undefined
    token = header.presentedToken
  }
  for (const key of meta === undefined ? [] : Object.keys(meta)) {
    if (key === metaKeys.token && header === undefined) token = meta?.[key]
    else if (key.startsWith('dev.remit/')) return undefined
  }
  if (token === undefined) return environment
  return typeof token === 'string' ? sha256(token) : undefined
}

const questionOf = ({ arguments: asked }: Request): string => JSON.stringify(asked ?? {})

function naming(result: object, decisionId: string): Kept['answer'] {
  const named = 'decision_id' in result ? { ...result, decision_id: decisionId } : { ...result }
  return { decisionId, given: { ok: true, result: named } }
}
