// Callers who present a secret or an API key. The keyed hash finds the credential; argon2id confirms it
// once, and then again only when something about the credential changed.

import { mayAuthenticateBy } from '../core/agent.ts'
import type { Agent, AuthMethod } from '../core/agent.ts'
import { credentialStatus, methodOfKind } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import { secretKindOf } from '../crypto/secret.ts'
import { recordCredentialUse } from '../store/credentials.ts'
import { refused } from './authenticated.ts'
import type { Authenticated, Known } from './authenticated.ts'
import type { PresentedBy } from './caller.ts'
import { isConfirmed } from './confirmed-secrets.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'
import { lastStandingRoot, standingRoot } from './standing-root.ts'

/** For how long a rotation that ended its own credential may be repeated by it, in seconds. */
const repeatWindow = 600

type BySecret = Extract<Presented, { kind: 'secret' | 'api_key' }>

export async function bySecret(
  context: Context,
  presented: BySecret,
  repeats: boolean,
): Promise<Authenticated> {
  const wanted = presented.kind === 'secret' ? 'agent_secret' : 'api_key'
  const kind = secretKindOf(presented.presentedSecret)
  if (kind !== wanted) {
    return refused(kind === undefined ? unusable() : new Refusal('wrong_credential_class'))
  }
  const credential = await credentialOf(context, presented)
  if (credential === undefined) return refused(unusable())
  const { live, now } = context
  const agent = live.agent(credential.agentId)
  if (agent === undefined) return refused(unusable())
  const method = methodOfKind[credential.kind]
  const by: PresentedBy = { agent_id: agent.id, method, credential_id: credential.id }
  const known: Known = { orgId: agent.orgId, agentId: agent.id, presented: by, lineage: [] }
  if (agent.status !== 'active') {
    return refused(new Refusal('agent_suspended', { missing_at: agent.id }), known)
  }
  if (!mayAuthenticateBy(agent, method)) {
    return refused(methodRefused(agent, method), known)
  }
  const status = credentialStatus(credential, now())
  const isLive = status === 'active' || status === 'retiring'
  const mayRepeat = repeats && wasEndedByRotation(credential, now())
  if (!isLive && !mayRepeat) return refused(deadCredential(status), known)
  const root = isLive
    ? await standingRoot(context, credential)
    : await lastStandingRoot(context, credential)
  if (root === undefined) return refused(deadCredential(status), known)
  if (isLive && !(await recordUse(context, credential))) {
    return bySecret(context, presented, repeats)
  }
  return {
    ok: true,
    caller: {
      orgId: agent.orgId,
      method,
      presenter: agent,
      credential,
      presented: by,
      own: root.authority,
      acting: root.authority,
      agent,
      actsAs: false,
      credentialId: credential.id,
      warnings: agent.computedCeiling
        ? ['This is the administrator credential: give agents their own.']
        : [],
      ...(!isLive && { mayOnlyRepeat: true }),
    },
  }
}

/** Its holder is known and told which of the two it is. */
export const methodRefused = (agent: Agent, method: AuthMethod): Refusal =>
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

/** The keyed hash finds the credential; only a match reaches argon2id (authority: rule 11). */
async function credentialOf(
  context: Context,
  presented: BySecret,
): Promise<Credential | undefined> {
  const { live } = context
  const secret = presented.presentedSecret
  const hash = secretHash(context, secret)
  const found = live.credentialBySecret(hash)
  if (found?.passwordHash === undefined) return undefined
  if (presented.kind === 'secret' && found.agentId !== presented.agentId) return undefined
  if ((found.kind === 'secret') !== (presented.kind === 'secret')) return undefined
  if (!(await isConfirmed(context, secret, found.passwordHash))) return undefined
  return live.credentialBySecret(hash)
}

/**
 * Begins to confirm a secret that will be presented, so that the first call need not wait for all of it.
 * Nothing is proven by this; that call asks itself.
 */
export function confirmAhead(context: Context, presented: Presented): void {
  if (presented.kind !== 'secret' && presented.kind !== 'api_key') return
  credentialOf(context, presented).catch(() => undefined)
}

/** What the store keeps a secret under. */
export const secretHash = ({ keys }: Pick<Context, 'keys'>, secret: string): string =>
  keyedHash(keys.secrets, secret).toString('base64url')

const lastRecorded = new WeakMap<Context, Map<string, { version: number; at: number }>>()
const recordEvery = 60

/**
 * The first use is durable before it counts, because "never used" decides what may be handed out again;
 * later ones are noted about once a minute. `false`: the credential changed meanwhile.
 */
async function recordUse(context: Context, credential: Credential): Promise<boolean> {
  const { committer, now, self } = context
  const notes = lastRecorded.get(context) ?? new Map<string, { version: number; at: number }>()
  lastRecorded.set(context, notes)
  const note = notes.get(credential.id)
  const isSame = note?.version === credential.version
  if (isSame && now() - note.at < recordEvery) return true
  const use = recordCredentialUse(credential, now(), `${self.serverId}/${process.pid}`)
  const outcome = await committer.submit({ writes: [use], events: [] })
  if (outcome === 'stale') return false
  notes.set(credential.id, { version: credential.version, at: now() })
  return true
}
