// The link between audit events: each event's hash covers all of its fields and the hash before it, so
// that nothing can be edited, removed or moved without showing. What counts is this order of fields.

export interface AuditEvent {
  readonly id: string
  readonly chain: string
  /** Gapless within a chain, from 1. */
  readonly seq: number
  readonly at: number
  readonly orgId: string
  readonly operation: string
  readonly outcome: 'allowed' | 'refused'
  readonly code: string
  readonly agentId?: string
  readonly instanceId?: string
  readonly grantId?: string
  readonly lineage: readonly string[]
  /** JSON of what was presented: agent, method, and the credential or token and grant. */
  readonly presented?: string
  readonly target?: string
  /** JSON. */
  readonly detail: string
  /** How many equal decisions this event stands for. */
  readonly count: number
  readonly traceId?: string
  readonly serverId: string
  readonly previous: string
  readonly hash: string
}

export type UnlinkedEvent = Omit<AuditEvent, 'chain' | 'seq' | 'previous' | 'hash'>

/** What precedes the first event of a chain. */
export const chainStart = '0'.repeat(43)

/** The text that is hashed: unambiguous, every field in a fixed place. */
export const linkText = (event: Omit<AuditEvent, 'hash'>): string =>
  JSON.stringify([
    event.previous,
    event.chain,
    event.seq,
    event.id,
    event.at,
    event.orgId,
    event.operation,
    event.outcome,
    event.code,
    event.agentId ?? null,
    event.instanceId ?? null,
    event.grantId ?? null,
    event.lineage,
    event.presented ?? null,
    event.target ?? null,
    event.detail,
    event.count,
    event.traceId ?? null,
    event.serverId,
  ])

export type Damage = 'edited' | 'missing' | 'reordered' | 'truncated'

export type ChainVerdict =
  | { readonly ok: true; readonly count: number; readonly head: string }
  | {
      readonly ok: false
      readonly count: number
      readonly head: string
      readonly first_bad_seq: number
      readonly what: Damage
    }

/**
 * Follows one chain of events, fed in the order of `seq`, and names the first that does not fit. Without
 * the key to hash with, it can only tell whether each event names the hash of the one before.
 */
export function chainVerifier(
  hashOf: ((text: string) => string) | undefined,
  from?: Pick<AuditEvent, 'seq' | 'hash'>,
) {
  let previous = from?.hash ?? chainStart
  let expected = (from?.seq ?? 0) + 1
  let count = 0
  let bad: { readonly first_bad_seq: number; readonly what: Damage } | undefined
  return {
    add(event: AuditEvent): void {
      if (bad !== undefined) return
      const { hash, ...linked } = event
      if (event.seq !== expected) bad = { first_bad_seq: expected, what: 'missing' }
      else if (hashOf !== undefined && hashOf(linkText(linked)) !== hash) {
        const what = fitsElsewhere(event, hashOf) ? 'reordered' : 'edited'
        bad = { first_bad_seq: event.seq, what }
      } else if (event.previous !== previous) {
        bad = { first_bad_seq: event.seq, what: 'reordered' }
      } else {
        previous = hash
        expected += 1
        count += 1
      }
    },
    /** `head`: what the chain must end with according to its signed or sealed record, if known. */
    verdict(head?: { readonly seq: number; readonly hash: string }): ChainVerdict {
      if (bad === undefined && head !== undefined && head.seq >= expected) {
        bad = { first_bad_seq: expected, what: 'truncated' }
      }
      if (bad !== undefined) return { ok: false, count, head: previous, ...bad }
      return { ok: true, count, head: previous }
    },
  }
}

const searched = 1000

/** Whether an event is whole but for its place: the hash covers that too. */
function fitsElsewhere({ hash, ...linked }: AuditEvent, hashOf: (text: string) => string): boolean {
  for (let seq = Math.max(1, linked.seq - searched); seq <= linked.seq + searched; seq++) {
    if (hashOf(linkText({ ...linked, seq })) === hash) return true
  }
  return false
}
