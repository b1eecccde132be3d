// What the demo shows it has also checked: whatever is not as promised ends it, by name.

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** Whether a text holds a secret of Remit’s or a token. */
export const holdsSecret = (text: string): boolean =>
  /rmt_[a-z]{3}_[0-9A-Za-z]|eyJ[\w-]+\.[\w-]+\./.test(text)

/** Throws unless it holds; `what` says what was promised. */
export function promised(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BrokenPromise(what)
}
