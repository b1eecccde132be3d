// The root under which a credential's own calls run: one per credential and scope limit, passed on to
// the credential's successor, so that children neither die nor change parents when a secret is rotated.
// Once a credential of the chain was revoked, or the agent suspended or its ceiling cut, the next call
// starts a new one (authority: rule 2).

import type { UnlinkedEvent } from '../core/audit-link.ts'
import { credentialStatus, lineOf, methodOfKind, originOf } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { hardMaxDepth } from '../core/grant.ts'
import type { Grant } from '../core/grant.ts'
import { keysOf, revocationKey } from '../core/revocation.ts'
import { Refusal } from '../core/refusal.ts'
import { formatScopes } from '../core/scope.ts'
import { sha256 } from '../crypto/keyed-hash.ts'
import { insertGrant } from '../store/grants.ts'
import type { Method, PresentedBy } from './caller.ts'
import type { Context } from './context.ts'
import { grantState } from './grant-state.ts'
import type { GrantState } from './grant-state.ts'

const attempts = 5

/** The credential's standing root, made now if there is none that may be used. */
export async function standingRoot(context: Context, credential: Credential): Promise<GrantState> {
  const { live, now } = context
  for (let attempt = 0; attempt < attempts; attempt++) {
    const newest = newestRoot(context, credential)
    if (newest !== undefined) {
      const state = await grantState(live, newest.id, now())
      if (state?.liveness.live === true && isUntouched(context, newest, credential)) return state
    }
    assertStillGood(context, credential)
    await start(context, credential, newest)
  }
  throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
}

/** What ended meanwhile, in another process too, starts no root. */
function assertStillGood({ live, now }: Context, { id, agentId }: Credential): void {
  if (live.agent(agentId)?.status !== 'active') throw new Refusal('agent_suspended')
  const credential = live.credential(id)
  const status = credential === undefined ? 'revoked' : credentialStatus(credential, now())
  if (status === 'active' || status === 'retiring') return
  throw new Refusal('invalid_client', { message: `The credential is ${status}.` })
}

/** The newest one whether it lives or not, for the repeat of a call that ended its own credential. */
export async function lastStandingRoot(
  context: Context,
  credential: Credential,
): Promise<GrantState | undefined> {
  const newest = newestRoot(context, credential)
  return newest === undefined ? undefined : grantState(context.live, newest.id, context.now())
}

/** By change number: what ended one came after it, whatever the clocks say that ids are made of. */
function newestRoot(context: Context, credential: Credential): Grant | undefined {
  const { live, settings } = context
  const limit = limitText(settings.scopes)
  const origin = originOf(credential)
  return [...live.rootsOf(credential.agentId)]
    .filter((root) => limitText(root.scopeLimit) === limit)
    .filter((root) => {
      const made = live.credential(root.credentialId)
      return made !== undefined && originOf(made) === origin
    })
    .toSorted((a, b) => b.createdSeq - a.createdSeq || (a.id < b.id ? 1 : -1))[0]
}

const limitText = (scopes: Grant['scopeLimit']): string =>
  scopes === undefined ? '' : formatScopes(scopes)

/** Whether nothing happened since that must start a new root although the old one still lives. */
function isUntouched({ live }: Context, root: Grant, credential: Credential): boolean {
  const line = lineOf(credential, live.credential)
  // Before a damaged record nobody knows who was revoked: only a root that was made since is used.
  const isWhole = line.at(-1) === originOf(credential)
  if (!isWhole && !line.includes(root.credentialId)) return false
  const keys = [
    ...line.map((id) => revocationKey('credential', id)),
    revocationKey('ceiling', root.agentId),
  ]
  return keys.every((key) => live.revocations(key).every((r) => r.seq <= root.createdSeq))
}

/** Two processes that start the successor of one root at once make the same one. */
async function start(context: Context, credential: Credential, previous: Grant | undefined) {
  const { live, settings, committer, newId, now } = context
  const { id: credentialId, orgId, agentId } = credential
  const grant: Grant = {
    id: newId('grt'),
    orgId,
    agentId,
    instanceId: newId('ins'),
    lineage: [],
    scopes: [],
    audience: [],
    depth: 0,
    maxDepth: hardMaxDepth,
    require: [],
    credentialId,
    standing: true,
    ...(settings.scopes !== undefined && { scopeLimit: settings.scopes }),
    createdSeq: live.seq,
    createdAt: now(),
  }
  const parts = [originOf(credential), limitText(settings.scopes), previous?.id ?? '']
  const standingKey = sha256(JSON.stringify(parts))
  const guard = keysOf(grant)
  const writes = [insertGrant({ grant, guard, standingKey })]
  await committer.submit({
    writes,
    events: [started(context, grant, methodOfKind[credential.kind])],
    reserved: 'revocations',
  })
  await live.refresh()
}

const started = ({ newId, now, self }: Context, grant: Grant, method: Method): UnlinkedEvent => ({
  id: newId('evt'),
  at: now(),
  orgId: grant.orgId,
  operation: 'start_root',
  outcome: 'allowed',
  code: 'allowed',
  agentId: grant.agentId,
  ...(grant.instanceId !== undefined && { instanceId: grant.instanceId }),
  grantId: grant.id,
  lineage: [],
  presented: JSON.stringify({
    agent_id: grant.agentId,
    method,
    credential_id: grant.credentialId,
  } satisfies PresentedBy),
  target: grant.id,
  detail: '{}',
  count: 1,
  serverId: self.serverId,
})
