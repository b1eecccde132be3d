// The second half of every call by credential, whatever proved it: the agent is active and may prove itself
// so, the credential lives, and the call runs under its standing root. Its holder is known and told why not.

import { mayAuthenticateBy } from '../core/agent.ts'
import type { Agent, AuthMethod } from '../core/agent.ts'
import { credentialStatus, methodOfKind } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { recordCredentialUse } from '../store/credentials.ts'
import type { Write } from '../store/store.ts'
import { refused } from './authenticated.ts'
import type { Authenticated, Known } from './authenticated.ts'
import type { PresentedBy } from './caller.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import { lastStandingRoot, standingRoot } from './standing-root.ts'

/** For how long a rotation that ended its own credential may be repeated by it, in seconds. */
const repeatWindow = 600

export interface Proof {
  /** Whether the call could be the repeat of a rotation. */
  readonly repeats: boolean
  /** What is kept beside each use that is noted. */
  readonly keeping?: () => Write
  /** Told in `whoami`. */
  readonly warnings?: readonly string[]
  /** Proves it anew where the credential changed meanwhile. */
  readonly again: () => Promise<Authenticated>
}

/** The caller that a credential just proven is; refuses what is suspended, not allowed or dead. */
export async function byCredential(
  context: Context,
  credential: Credential,
  { repeats, keeping, warnings = [], again }: Proof,
): Promise<Authenticated> {
  const { live, now } = context
  const agent = live.agent(credential.agentId)
  if (agent === undefined) return refused(unusable())
  const known = knownBy(agent, credential)
  const method = methodOfKind[credential.kind]
  if (agent.status !== 'active') {
    return refused(new Refusal('agent_suspended', { missing_at: agent.id }), known)
  }
  if (!mayAuthenticateBy(agent, method)) return refused(methodRefused(agent, method), known)
  const status = credentialStatus(credential, now())
  const isLive = status === 'active' || status === 'retiring'
  const mayRepeat = repeats && wasEndedByRotation(credential, now())
  if (!isLive && !mayRepeat) return refused(deadCredential(status), known)
  const root = isLive
    ? await standingRoot(context, credential)
    : await lastStandingRoot(context, credential)
  if (root === undefined) return refused(deadCredential(status), known)
  if (isLive && !(await recordUse(context, credential, keeping))) return again()
  return {
    ok: true,
    caller: {
      orgId: agent.orgId,
      method,
      presenter: agent,
      credential,
      presented: known.presented,
      own: root.authority,
      acting: root.authority,
      agent,
      actsAs: false,
      credentialId: credential.id,
      warnings: [...(agent.computedCeiling ? [administrator] : []), ...warnings],
      ...(!isLive && { mayOnlyRepeat: true }),
    },
  }
}

const administrator = 'This is the administrator credential: give agents their own.'

/** Whom a refusal is about, once the credential was proven. */
export const knownBy = (agent: Agent, credential: Credential): Known => ({
  orgId: agent.orgId,
  agentId: agent.id,
  presented: {
    agent_id: agent.id,
    method: methodOfKind[credential.kind],
    credential_id: credential.id,
  } satisfies PresentedBy,
  lineage: [],
})

const methodRefused = (agent: Agent, method: AuthMethod): Refusal =>
  new Refusal('invalid_client', {
    message: agent.authMethods.includes(method)
      ? `An agent of high sensitivity may not authenticate by ${method}.`
      : `This agent may not authenticate by ${method}.`,
    missing_at: agent.id,
    remedy: { text: 'Use a credential of a kind that its auth_methods and sensitivity allow.' },
  })

const deadCredential = (status: string): Refusal =>
  new Refusal('invalid_client', {
    message: `The credential is ${status}.`,
    remedy: { text: 'Use its successor, or have a new credential added for this agent.' },
  })

const wasEndedByRotation = (credential: Credential, now: number): boolean =>
  credential.recordedStatus === 'revoked' &&
  credential.rotatedTo !== undefined &&
  credential.retiresAt !== undefined &&
  now < credential.retiresAt + repeatWindow

const lastRecorded = new WeakMap<Context, Map<string, { version: number; at: number }>>()
const recordEvery = 60

/**
 * The first use is durable before it counts, because "never used" decides what may be handed out again;
 * later ones are noted about once a minute. `false`: the credential changed meanwhile.
 */
async function recordUse(
  context: Context,
  credential: Credential,
  keeping: (() => Write) | undefined,
): Promise<boolean> {
  const { committer, now, self } = context
  const notes = lastRecorded.get(context) ?? new Map<string, { version: number; at: number }>()
  lastRecorded.set(context, notes)
  const note = notes.get(credential.id)
  const isSame = note?.version === credential.version
  if (isSame && now() - note.at < recordEvery) return true
  const use = recordCredentialUse(credential, now(), `${self.serverId}/${process.pid}`)
  const outcome = await committer.submit({
    writes: [use, ...(keeping === undefined ? [] : [keeping()])],
    events: [],
    reserved: 'revocations',
  })
  if (outcome === 'stale') return false
  notes.set(credential.id, { version: credential.version, at: now() })
  return true
}
