// What can be wrong with a store, as opposed to with a request. A problem says what to do about it; it
// never becomes an empty store.

export type ProblemKind =
  | 'missing'
  | 'empty'
  | 'foreign'
  | 'newer'
  | 'damaged'
  | 'wrong_master_key'
  | 'no_driver'
  | 'old_engine'
  | 'not_durable'
  | 'read_only'
  | 'failed'
  | 'exists'

export class StoreProblem extends Error {
  override readonly name = 'StoreProblem'
  readonly kind: ProblemKind

  constructor(kind: ProblemKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
