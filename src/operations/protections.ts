// What a grant demands of every call under it, and what this call shows: proof of the key it is bound to
// (authority: rule 12), and the protections it was given. Without them it can be narrowed, but not used.

import { proveActing, unproven } from '../authority/possession.ts'
import type { Asked } from '../authority/possession.ts'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import { metaKeys } from '../authority/presented.ts'
import type { Protection } from '../core/grant.ts'
import { Refusal } from '../core/refusal.ts'
import type { Operation } from './operation.ts'

/** The caller with what it shows for a grant it acts under; refuses a bound one without its own proof. */
export async function protectedBy(context: Context, caller: Caller, asked: Asked): Promise<Caller> {
  const presentedProof = asked.meta[metaKeys.actAsProof]
  const { grant } = caller.acting
  if (presentedProof === undefined) {
    if (caller.actsAs && grant.binding !== undefined) throw unproven(grant, 'no_proof')
    return caller
  }
  if (!caller.actsAs || typeof presentedProof !== 'string') throw unproven(grant, 'not_acting')
  return { ...caller, shown: await proveActing(context, grant, presentedProof, asked) }
}

/** What says or hands on what a protected grant is, without using it. */
const needNoProtection: ReadonlySet<string> = new Set([
  'whoami',
  'list_permissions',
  'delegation_tree',
  'delegate_token',
])

const ways: Readonly<Record<Protection, string>> = {
  pop: 'bind it to a key (bind_jwk) and prove that key with each call',
  signed_request: 'prove its key over the whole call (dev.remit/proof)',
  approval: 'nobody can approve yet: delegate without that grant instead',
}

/** Refuses a call that does not show every protection its grant demands. */
export function refuseUnprotected({ name }: Operation, { acting, shown = [] }: Caller): void {
  const { id, require } = acting.grant
  const missing = require.filter((protection) => !shown.includes(protection))
  if (missing.length === 0 || needNoProtection.has(name)) return
  throw new Refusal('invalid_token', {
    message: `That grant may only be used with ${missing.join(', ')}, which this call does not show.`,
    missing_at: id,
    remedy: { text: `For this call: ${missing.map((each) => ways[each]).join('; ')}.` },
  })
}
