// Every "no" of Remit has one of these codes, and this table is the only place that says what a code
// means, which HTTP status and which exit code it travels under. Adding a code without a row here does
// not compile.

import { remedies } from './remedies.ts'

/** What each code says when nothing more exact is known, and how it leaves by each door. */
const table = {
  invalid_request: { status: 400, exit: 2, text: 'The request is malformed.' },
  unknown_operation: { status: 404, exit: 2, text: 'There is no such operation.' },
  unsupported: { status: 501, exit: 1, text: 'This is not supported here.' },
  server_error: { status: 500, exit: 1, text: 'Something went wrong on the server.' },
  unavailable: { status: 503, exit: 7, text: 'The server cannot answer now.' },
  rate_limited: { status: 429, exit: 1, text: 'Too much at once.' },
  not_found: { status: 404, exit: 5, text: 'Nothing is known under that name or id.' },
  conflict: { status: 409, exit: 6, text: 'The present state does not allow this.' },
  invalid_client: { status: 401, exit: 4, text: 'The caller could not be authenticated.' },
  invalid_token: { status: 401, exit: 4, text: 'The token or grant is not live.' },
  invalid_scope: { status: 400, exit: 2, text: 'A scope is malformed or not registered.' },
  insufficient_scope: { status: 403, exit: 3, text: 'The caller lacks a permission.' },
  invalid_target: { status: 400, exit: 3, text: 'The audience is not known here.' },
  exceeds_parent: { status: 403, exit: 3, text: 'This is wider than the authority it comes from.' },
  exceeds_ceiling: { status: 403, exit: 3, text: 'This is above the ceiling of the agent.' },
  ancestor_revoked: { status: 401, exit: 4, text: 'Something this grant descends from is dead.' },
  depth_exhausted: { status: 403, exit: 3, text: 'The chain of delegation may not be longer.' },
  uses_exhausted: { status: 403, exit: 3, text: 'No uses are left.' },
  agent_suspended: { status: 403, exit: 3, text: 'An agent of this chain is not active.' },
  replay_detected: { status: 401, exit: 4, text: 'This proof was used before.' },
  task_mismatch: { status: 403, exit: 3, text: 'The task is not the one this was granted for.' },
  binding_downgrade: { status: 403, exit: 3, text: 'A key-bound grant needs a key-bound child.' },
  handoff_already_claimed: { status: 409, exit: 6, text: 'This handoff was claimed before.' },
  wrong_credential_class: {
    status: 401,
    exit: 4,
    text: 'This kind of credential does not belong here.',
  },
} as const satisfies Record<string, { status: number; exit: number; text: string }>

export type RefusalCode = keyof typeof table

export const refusalCodes = Object.keys(table) as readonly RefusalCode[]

/** What a refused caller could do about it, in words and, where it can be said exactly, as a call. */
export interface Remedy {
  readonly text: string
  readonly operation?: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** One dimension in which a request went too far. */
export interface Failure {
  readonly code: RefusalCode
  readonly dimension: string
  readonly asked: unknown
  readonly allowed?: unknown
  readonly missing_at?: string
}

export interface RefusalDetail {
  readonly message?: string
  readonly missing?: readonly string[]
  readonly missing_at?: string
  readonly remedy?: Remedy
  readonly failures?: readonly Failure[]
  readonly decision_id?: string
  /** Fixed name of what the audit should remember; never told to the caller. */
  readonly finding?: string
  /** Exactly what was wrong, as a fixed name for the audit; never told to the caller. */
  readonly reason?: string
  /** For the log only. */
  readonly cause?: unknown
}

/** A command that cannot proceed throws this; `code` is stable and public. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly detail: RefusalDetail

  constructor(code: RefusalCode, detail: RefusalDetail = {}) {
    super(detail.message ?? table[code].text, { cause: detail.cause })
    this.code = code
    this.detail = detail
  }

  /** The same refusal, naming the audit event that stands for it. */
  withDecision(decision_id: string): Refusal {
    return new Refusal(this.code, { ...this.detail, message: this.message, decision_id })
  }

  /** The `error` object every door hands out (design: results). */
  toError(): RefusalError {
    const { missing, missing_at, failures, decision_id } = this.detail
    const remedy = this.detail.remedy ?? { text: remedies[this.code] }
    return {
      code: this.code,
      message: this.message,
      ...(missing && { missing }),
      ...(missing_at && { missing_at }),
      remedy,
      ...(failures && { failures }),
      ...(decision_id && { decision_id }),
    }
  }
}

export interface RefusalError extends Omit<
  RefusalDetail,
  'message' | 'finding' | 'reason' | 'cause'
> {
  readonly code: RefusalCode
  readonly message: string
}

/** All failures in one refusal; the first one gives the code. */
export function refuseAll(failures: readonly [Failure, ...Failure[]], detail: RefusalDetail = {}) {
  const [first] = failures
  const missing_at = detail.missing_at ?? first.missing_at
  return new Refusal(first.code, { ...detail, ...(missing_at && { missing_at }), failures })
}

/** What a code says when nothing more exact is known. */
export const refusalText = (code: RefusalCode): string => table[code].text

export const httpStatusOf = (code: RefusalCode): number => table[code].status
export const exitCodeOf = (code: RefusalCode): number => table[code].exit
