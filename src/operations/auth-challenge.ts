// auth_challenge: asks this server, or through it another agent, to prove itself. The server answers at once
// with a signed statement; an agent answers with auth_answer, and then both have one about the other.

import * as z from 'zod'
import { randomBytes } from 'node:crypto'
import type { Agent } from '../core/agent.ts'
import { Refusal } from '../core/refusal.ts'
import { wordHash } from '../crypto/authentication.ts'
import { forgetAuthChallenges, insertAuthChallenge } from '../store/auth-challenges.ts'
import {
  channelField,
  exchangeLife,
  nonceField,
  requireOwnAgent,
  spendNonce,
  stated,
} from './authenticating.ts'
import * as field from './fields.ts'
import { findAgent, may, unknown } from './may.ts'
import { defineOperation } from './operation.ts'
import type { Call, Outcome } from './operation.ts'

const input = z.object({
  peer: field.agentRef.optional().describe('Agent that shall prove itself; default: this server.'),
  nonce: nonceField,
  channel: channelField,
})

const output = z.object({
  challenge_id: z.string().optional().describe('To be given to the peer, who answers with it.'),
  statement: z.string().optional().describe('Of this server about itself: a JWT to be verified.'),
  expires_at: field.time,
  dry_run: z.boolean().optional(),
})

type Asked = z.output<typeof input>
type Challenged = z.output<typeof output>

export const authChallenge = defineOperation({
  name: 'auth_challenge',
  title: 'Challenge a peer',
  summary:
    'Has this server prove itself to you by a signed statement, or begins a mutual authentication with another agent.',
  permission: '·',
  effect: 'write',
  spendsUse: false,
  refusesActAs: 'invalid_request',
  input,
  output,
  handle: async (asked, call): Promise<Outcome<Challenged>> => {
    requireOwnAgent(call)
    return asked.peer === undefined ? byServer(asked, call) : byAgent(asked, call, asked.peer)
  },
})

async function byServer({ nonce, channel }: Asked, call: Call): Promise<Outcome<Challenged>> {
  const { context, caller, now } = call
  const { serverId } = context.self
  const { statement } = await stated(call, {
    aud: caller.agent.id,
    sub: serverId,
    purpose: 'server_authentication',
    challenge: context.newId('chl'),
    initiator: caller.agent.id,
    responder: serverId,
    role: 'responder',
    initiator_nonce_hash: wordHash('nonce', nonce),
    responder_nonce_hash: wordHash('nonce', randomBytes(32).toString('base64url')),
    channel_hash: wordHash('channel', channel),
  })
  return {
    result: {
      ...(statement !== undefined && { statement }),
      expires_at: now + exchangeLife,
      ...(call.dryRun && { dry_run: true }),
    },
    writes: [spendNonce(call, nonce)],
    target: serverId,
    detail: { proven: serverId },
  }
}

function byAgent({ nonce, channel }: Asked, call: Call, ref: string): Outcome<Challenged> {
  const { context, caller, now } = call
  const peer = findAgent(call, ref)
  if (peer?.id === caller.agent.id) {
    throw new Refusal('invalid_request', {
      message: 'An agent does not prove itself to itself.',
      failures: [{ code: 'invalid_request', dimension: 'peer', asked: peer.id }],
    })
  }
  const isThere = peer?.status === 'active'
  if (!isThere && may(call, 'agents:read')) throw notThere(peer)
  const id = context.newId('chl')
  const expiresAt = now + exchangeLife
  return {
    result: {
      challenge_id: id,
      expires_at: expiresAt,
      ...(call.dryRun && { dry_run: true }),
    },
    writes: [
      spendNonce(call, nonce),
      forgetAuthChallenges(now - exchangeLife),
      // Who may not read agents does not learn which there are: such a challenge nobody answers.
      ...(isThere
        ? [
            insertAuthChallenge({
              id,
              orgId: caller.orgId,
              initiatorId: caller.agent.id,
              responderId: peer.id,
              initiatorNonce: wordHash('nonce', nonce),
              channel: wordHash('channel', channel),
              status: 'open',
              createdAt: now,
              expiresAt,
            }),
          ]
        : []),
    ],
    target: id,
    detail: { initiator: caller.agent.id, ...(isThere && { responder: peer.id }) },
  }
}

const notThere = (peer: Agent | undefined): Refusal =>
  peer === undefined
    ? unknown('agent')
    : new Refusal('agent_suspended', { message: 'The peer is not active.', missing_at: peer.id })
