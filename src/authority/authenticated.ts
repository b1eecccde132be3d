// The answer to "who is calling?": a caller, or a refusal and, where that much is proven, whom it is about.

import type { Refusal } from '../core/refusal.ts'
import type { Caller, PresentedBy } from './caller.ts'

/** Whom a refusal is about, where that is proven. */
export interface Known {
  readonly orgId: string
  readonly agentId: string
  readonly presented: PresentedBy
  readonly grantId?: string
  readonly lineage: readonly string[]
}

export type Authenticated =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly refusal: Refusal; readonly known?: Known }

export const refused = (refusal: Refusal, known?: Known): Authenticated => ({
  ok: false,
  refusal,
  ...(known !== undefined && { known }),
})
