// What a restriction would end, counted before it is written: for dry runs and for those who ask.

import type { GrantState } from '../authority/grant-state.ts'
import { ends, keysOf, revocationKey } from '../core/revocation.ts'
import type { Revocation } from '../core/revocation.ts'
import type { Call } from './operation.ts'
import { walk } from './own-grants.ts'
import type { Extent } from './own-grants.ts'

type Planned = Omit<Revocation, 'seq'>

/** The live grants that it would end, itself or through an ancestor. */
export async function* endedBy(call: Call, planned: Planned): AsyncGenerator<GrantState> {
  const revocation: Revocation = { ...planned, seq: Number.MAX_SAFE_INTEGER }
  const key = revocationKey(planned.kind, planned.target)
  for await (const state of walk(call, await extentOf(call, planned))) {
    if (!state.liveness.live) continue
    const [root] = state.chain
    const isHit = state.chain.some(
      (grant) => keysOf(grant).includes(key) && ends(revocation, grant, root),
    )
    if (isHit) yield state
  }
}

async function extentOf({ context }: Call, { kind, target, within }: Planned): Promise<Extent> {
  if (within.length > 0) return { kind: 'own' }
  const grant = kind === 'grant' ? await context.live.grant(target) : undefined
  return grant === undefined ? { kind: 'organisation' } : { kind: 'subtree', grant }
}

/** Counts, and lists what was made under the grants that end, which outlives them. */
export async function whatEnded(call: Call, planned: Planned) {
  const ended = new Set<string>()
  const agents = new Set<string>()
  for await (const { grant } of endedBy(call, planned)) {
    ended.add(grant.id)
    agents.add(grant.agentId)
  }
  return {
    grants_ended: ended.size,
    agents_touched: [...agents],
    made_under: madeUnder(call, ended),
  }
}

function madeUnder({ context: { live } }: Call, grantIds: ReadonlySet<string>): string[] {
  const isUnder = ({ createdUnder }: { readonly createdUnder?: string }) =>
    createdUnder !== undefined && grantIds.has(createdUnder)
  return [
    ...[...live.agents.values()].filter(isUnder).map((agent) => agent.id),
    ...[...live.credentials.values()].filter(isUnder).map((credential) => credential.id),
    ...[...live.resourceTypes.values()].filter(isUnder).map((type) => type.type),
    ...[...live.servers.values()].filter(isUnder).map((server) => server.id),
    ...[...live.registrations.values()].filter(isUnder).map((registration) => registration.id),
  ]
}
