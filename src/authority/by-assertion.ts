// Callers who present a client assertion, a JWT by their own key (RFC 7523). It is taken once, across
// processes and restarts. One in the environment stands for every call of its process: it is spent when it
// is first proven, and remembered by that process alone until its `exp`.

import type { Credential } from '../core/credential.ts'
import { credentialStatus } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { verifyClientAssertion } from '../crypto/client-assertion.ts'
import { spendProof } from '../store/idempotency.ts'
import { keysOf } from './agent-keys.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import { byCredential, knownBy } from './by-credential.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'

type ByAssertion = Extract<Presented, { kind: 'assertion' }>

/** What an assertion proved, and until when it may be believed. */
interface Proven {
  readonly credentialId: string
  readonly thumbprint: string
  readonly until: number
}

type Verdict = Proven | { readonly refusal: Refusal; readonly by?: Credential }

export async function byAssertion(
  context: Context,
  presented: ByAssertion,
  repeats: boolean,
): Promise<Authenticated> {
  const verdict = await proveOnce(context, presented)
  const { live, now } = context
  if ('refusal' in verdict) {
    const { refusal, by } = verdict
    const agent = by === undefined ? undefined : live.agent(by.agentId)
    return refused(refusal, agent && by && knownBy(agent, by))
  }
  const credential = live.credential(verdict.credentialId)
  const agent = live.agent(presented.agentId)
  const isKey = credential?.publicKeys?.some((key) => key.thumbprint === verdict.thumbprint)
  if (credential === undefined || agent === undefined || isKey !== true) return refused(unusable())
  if (verdict.until <= now()) return refused(dead('expired'), knownBy(agent, credential))
  const again = () => byAssertion(context, presented, repeats)
  return byCredential(context, credential, { repeats, again })
}

/** By what was presented itself: nobody else's presentation, however equal, is this one. */
const memories = new WeakMap<Context, WeakMap<ByAssertion, Promise<Verdict>>>()

function proveOnce(context: Context, presented: ByAssertion): Promise<Verdict> {
  const memory = memories.get(context) ?? new WeakMap<ByAssertion, Promise<Verdict>>()
  memories.set(context, memory)
  const known = memory.get(presented)
  if (known !== undefined) return known
  const asked = proveOrForget(context, presented, () => void memory.delete(presented))
  memory.set(presented, asked)
  return asked
}

/** What failed may hold later: a key may be added, a store may come back. */
async function proveOrForget(
  context: Context,
  presented: ByAssertion,
  forget: () => void,
): Promise<Verdict> {
  try {
    const verdict = await prove(context, presented)
    if ('refusal' in verdict) forget()
    return verdict
  } catch (error) {
    forget()
    throw error
  }
}

async function prove(
  context: Context,
  { agentId, presentedAssertion }: ByAssertion,
): Promise<Verdict> {
  const { self, now, committer } = context
  const expected = { agentId, issuer: self.issuer, now: now() }
  let reason: string = 'no_key'
  for (const credential of mostLivelyFirst(context, agentId)) {
    const keys = keysOf(credential)
    const found = await verifyClientAssertion(presentedAssertion, keys, expected)
    if (!found.ok) {
      reason = found.reason
      if (found.key === undefined) continue
      return { refusal: dead(reason), by: credential }
    }
    try {
      // Durable before it counts; of two that present it at once, one is told so.
      const spend = spendProof(`assertion/${agentId}/${found.jti}`, found.freshUntil)
      await committer.submit({ writes: [spend], events: [], reserved: 'revocations' })
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'replay_detected') throw error
      return { refusal: replayed(), by: credential }
    }
    const { thumbprint } = found.key
    return { credentialId: credential.id, thumbprint, until: found.exp }
  }
  return { refusal: new Refusal('invalid_client', { ...unusable().detail, reason }) }
}

/** Few enough that a stranger's guess costs little; the holder of a dead one is known too. */
const mostTried = 16

const mostLivelyFirst = ({ live, now }: Context, agentId: string): readonly Credential[] =>
  [...live.credentials.values()]
    .filter((each) => each.agentId === agentId && each.publicKeys !== undefined)
    .map((each) => ({ each, rank: ranks[credentialStatus(each, now())] }))
    .toSorted((a, b) => a.rank - b.rank || (a.each.id < b.each.id ? 1 : -1))
    .slice(0, mostTried)
    .map(({ each }) => each)

const ranks = { active: 0, retiring: 1, retired: 2, revoked: 3 } as const

/** To whoever signed it, what is wrong with it is told. */
const dead = (reason: string): Refusal =>
  new Refusal('invalid_client', {
    message: `The client assertion is refused: ${reason}.`,
    remedy: {
      text: 'Sign a new one: iss and sub your agent id, aud this issuer alone, a new jti, at most 5 minutes.',
    },
    reason,
  })

const replayed = (): Refusal =>
  new Refusal('replay_detected', {
    message: 'This client assertion was presented before.',
    remedy: { text: 'Sign a new assertion for each presentation.' },
    finding: 'assertion_replayed',
  })
