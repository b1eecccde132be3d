// Walking grants: one's own, a subtree, or all of the organisation, page by page and oldest first.

import type { GrantState } from '../authority/grant-state.ts'
import { stateOf } from '../authority/grant-state.ts'
import { lineOf } from '../core/credential.ts'
import type { Grant } from '../core/grant.ts'
import { rootOf } from '../core/grant.ts'
import { grantsFromCredentials, grantsOfOrg, subtree } from '../store/grants.ts'
import type { Read } from '../store/store.ts'
import type { Call } from './operation.ts'

export type Extent =
  | { readonly kind: 'own' }
  | { readonly kind: 'subtree'; readonly grant: Grant }
  | { readonly kind: 'organisation' }

const pageSize = 500

/** The grants of an extent with their present state, from just after the id `after`. */
export async function* walk(call: Call, extent: Extent, after = ''): AsyncGenerator<GrantState> {
  const { context, now } = call
  let last = after
  for (;;) {
    const page = await context.store.read(pageOf(call, extent, last))
    for (const row of page) {
      const grant = (await context.live.grant(row.id)) ?? row
      const state = await stateOf(context.live, grant, now)
      if (state !== undefined) yield state
    }
    if (page.length < pageSize) return
    last = page.at(-1)?.id ?? last
  }
}

function pageOf(call: Call, extent: Extent, after: string): Read<Grant> {
  const { caller, context } = call
  if (extent.kind === 'organisation') return grantsOfOrg(caller.orgId, after, pageSize)
  if (extent.kind === 'subtree') return below(extent.grant, after)
  if (caller.credential === undefined || caller.actsAs) return below(caller.acting.grant, after)
  return grantsFromCredentials(lineOf(caller.credential, context.live.credential), after, pageSize)
}

const below = (grant: Grant, after: string): Read<Grant> =>
  subtree(rootOf(grant), grant.id, after, pageSize)

/** What bounds a restriction to one's own: the acting grant, or all roots of one's credential's line. */
export const ownWithin = ({ caller, context }: Call): readonly string[] =>
  caller.credential === undefined || caller.actsAs
    ? [caller.acting.grant.id]
    : lineOf(caller.credential, context.live.credential)
