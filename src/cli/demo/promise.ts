// What the demo shows it has also checked: whatever is not as promised ends it, by name.

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** Throws unless it holds; `what` says what was promised. */
export function promised(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BrokenPromise(what)
}
