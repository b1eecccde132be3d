// The audit event of one call: who presented what, under which agent and grant, what was asked, and how
// it ended. Never a secret, never an argument as such.

import type { Known } from '../authority/authenticated.ts'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import type { UnlinkedEvent } from '../core/audit-link.ts'
import type { Refusal } from '../core/refusal.ts'

export interface Happened {
  readonly operation: string
  readonly code: string
  readonly target?: string
  readonly detail?: Readonly<Record<string, unknown>>
  readonly traceId?: string
}

type Who = Pick<
  UnlinkedEvent,
  'orgId' | 'agentId' | 'instanceId' | 'grantId' | 'lineage' | 'presented'
>

export function eventOf(context: Context, who: Who, happened: Happened): UnlinkedEvent {
  const { operation, code, target, detail, traceId } = happened
  return {
    id: context.newId('evt'),
    at: context.now(),
    operation,
    outcome: code === 'allowed' ? 'allowed' : 'refused',
    code,
    ...who,
    ...(target !== undefined && { target }),
    detail: JSON.stringify(detail ?? {}),
    count: 1,
    ...(traceId !== undefined && { traceId }),
    serverId: context.self.serverId,
  }
}

export function whoIs(caller: Caller): Who {
  const { grant } = caller.acting
  return {
    orgId: caller.orgId,
    agentId: grant.agentId,
    ...(grant.instanceId !== undefined && { instanceId: grant.instanceId }),
    grantId: grant.id,
    lineage: grant.lineage,
    presented: JSON.stringify(caller.presented),
  }
}

export const whoWas = (known: Known): Who => ({
  orgId: known.orgId,
  agentId: known.agentId,
  ...(known.grantId !== undefined && { grantId: known.grantId }),
  lineage: known.lineage,
  presented: JSON.stringify(known.presented),
})

export const aStranger = (context: Context): Who => ({ orgId: context.self.orgId, lineage: [] })

/** What a refusal leaves in the audit besides its code. */
export const detailOf = ({ detail }: Refusal): Readonly<Record<string, unknown>> => ({
  ...(detail.finding !== undefined && { finding: detail.finding }),
  ...(detail.reason !== undefined && { reason: detail.reason }),
  ...(detail.missing !== undefined && { missing: detail.missing }),
})
