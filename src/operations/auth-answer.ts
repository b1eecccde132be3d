// auth_answer: the responder's answer to a challenge, and then the initiator's to the answer. Each learns by a
// signed statement that the other proved itself here, for this exchange and channel; each side takes its
// step once, and a wrong channel ends the exchange: somebody sits in between.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import { wordHash } from '../crypto/authentication.ts'
import type { Role } from '../crypto/authentication.ts'
import { advanceAuthChallenge, authChallengeById } from '../store/auth-challenges.ts'
import type { AuthChallenge } from '../store/auth-challenges.ts'
import { one } from '../store/store.ts'
import { channelField, nonceField, requireOwnAgent, spendNonce, stated } from './authenticating.ts'
import * as field from './fields.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'

const input = z.object({
  challenge_id: field.id('chl'),
  nonce: nonceField.describe(
    'The responder: random bytes of its own. The initiator: those it challenged with.',
  ),
  channel: channelField,
})

const output = z.object({
  challenge_id: z.string(),
  peer_id: z.string(),
  peer_name: z.string(),
  role: z.enum(['initiator', 'responder']).describe('Of the peer.'),
  statement: z.string().optional().describe('About the peer: a JWT to be verified.'),
  expires_at: field.time,
  dry_run: z.boolean().optional(),
})

type Answered = z.output<typeof output>

export const authAnswer = defineOperation({
  name: 'auth_answer',
  title: 'Answer a challenge',
  summary:
    'Proves you to the agent that challenged you, and that agent to you; the challenger calls it second.',
  permission: '·',
  effect: 'write',
  spendsUse: false,
  refusesActAs: 'invalid_request',
  input,
  output,
  handle: async (asked, call): Promise<Outcome<Answered>> => {
    requireOwnAgent(call)
    const challenge = await challengeMeant(call, asked.challenge_id)
    const own: Role = challenge.responderId === call.caller.agent.id ? 'responder' : 'initiator'
    const from = own === 'responder' ? 'open' : 'answered'
    if (challenge.status !== from) throw notNow(challenge)
    if (wordHash('channel', asked.channel) !== challenge.channel) {
      return ended(challenge, 'auth_wrong_channel')
    }
    const nonce = wordHash('nonce', asked.nonce)
    if (own === 'initiator') {
      if (nonce !== challenge.initiatorNonce) return ended(challenge, 'auth_wrong_nonce')
      return answered(call, { ...challenge, status: 'confirmed' }, from, own, [])
    }
    if (nonce === challenge.initiatorNonce) return ended(challenge, 'auth_reflected')
    const next = { ...challenge, responderNonce: nonce, status: 'answered' as const }
    return answered(call, next, from, own, [spendNonce(call, asked.nonce)])
  },
})

/** Only the two that it names have any part in it; to others it is as good as unknown. */
async function challengeMeant(call: Call, id: string): Promise<AuthChallenge> {
  const { context, caller, now } = call
  const found = await one(context.store.read(authChallengeById(id)))
  const isParty =
    found !== undefined && [found.initiatorId, found.responderId].includes(caller.agent.id)
  if (found === undefined || !isParty || found.orgId !== caller.orgId) {
    throw noChallenge(found === undefined ? undefined : 'auth_by_stranger')
  }
  if (found.expiresAt <= now) throw noChallenge()
  return found
}

async function answered(
  call: Call,
  challenge: AuthChallenge,
  from: AuthChallenge['status'],
  own: Role,
  writes: Outcome<Answered>['writes'] & object,
): Promise<Outcome<Answered>> {
  const { context, caller } = call
  const { initiatorId: initiator, responderId: responder, id } = challenge
  const role: Role = own === 'initiator' ? 'responder' : 'initiator'
  const peer = context.live.agent(role === 'initiator' ? initiator : responder)
  if (peer?.status !== 'active') {
    throw new Refusal('agent_suspended', { message: 'The peer is not active.' })
  }
  const { statement } = await stated(call, {
    aud: caller.agent.id,
    sub: peer.id,
    purpose: 'mutual_authentication',
    challenge: id,
    initiator,
    responder,
    role,
    initiator_nonce_hash: challenge.initiatorNonce,
    responder_nonce_hash: challenge.responderNonce ?? '',
    channel_hash: challenge.channel,
  })
  return {
    result: {
      challenge_id: id,
      peer_id: peer.id,
      peer_name: peer.name,
      role,
      ...(statement !== undefined && { statement }),
      expires_at: challenge.expiresAt,
      ...(call.dryRun && { dry_run: true }),
    },
    writes: [...writes, advanceAuthChallenge(from, challenge)],
    target: id,
    detail: { initiator, responder, as: own },
  }
}

/** Ends the exchange for both, durably, and says so. */
const ended = (challenge: AuthChallenge, finding: string): Outcome<Answered> => ({
  result: {} as Answered,
  writes: [advanceAuthChallenge(challenge.status, { ...challenge, status: 'failed' })],
  target: challenge.id,
  refusal: new Refusal('conflict', {
    message: 'Nonce or channel are not those of this exchange, which is over now.',
    remedy: { text: 'Begin anew with auth_challenge; somebody may sit in between.' },
    finding,
  }),
})

const noChallenge = (finding?: string): Refusal =>
  new Refusal('not_found', {
    message: 'No such challenge is open to this caller.',
    remedy: { text: 'Begin with auth_challenge.', operation: 'auth_challenge' },
    ...(finding !== undefined && { finding }),
  })

const notNow = ({ status }: AuthChallenge): Refusal =>
  new Refusal('conflict', {
    message:
      status === 'open'
        ? 'The responder has not answered yet.'
        : 'This step of the exchange was taken before.',
    remedy: { text: 'Each side takes its step once: the responder first, then the initiator.' },
  })
