// Mutual authentications: who asked whom, and how far it is. Nonces and channel are kept as hashes.

import { isSound, number, optionalText, sealed, text } from './row.ts'
import type { SealedTable } from './row.ts'
import type { Read, Value, Write } from './store.ts'

export interface AuthChallenge {
  readonly id: string
  readonly orgId: string
  readonly initiatorId: string
  readonly responderId: string
  readonly initiatorNonce: string
  /** Set by the answer. */
  readonly responderNonce?: string
  readonly channel: string
  readonly status: 'open' | 'answered' | 'confirmed' | 'failed'
  readonly createdAt: number
  readonly expiresAt: number
}

const table: SealedTable = {
  name: 'auth_challenges',
  columns: [
    'id',
    'org_id',
    'initiator_id',
    'responder_id',
    'initiator_nonce',
    'responder_nonce',
    'channel',
    'status',
    'created_at',
    'expires_at',
  ],
}

const valuesOf = (c: AuthChallenge): Value[] => [
  c.id,
  c.orgId,
  c.initiatorId,
  c.responderId,
  c.initiatorNonce,
  c.responderNonce ?? null,
  c.channel,
  c.status,
  c.createdAt,
  c.expiresAt,
]

export const authChallengeById = (id: string): Read<AuthChallenge> => ({
  sql: `select * from auth_challenges where id = $1`,
  values: [id],
  map: (row, seal) =>
    isSound(table, row, seal)
      ? {
          id: text(row, 'id'),
          orgId: text(row, 'org_id'),
          initiatorId: text(row, 'initiator_id'),
          responderId: text(row, 'responder_id'),
          initiatorNonce: text(row, 'initiator_nonce'),
          ...optionalText(row, 'responder_nonce', 'responderNonce'),
          channel: text(row, 'channel'),
          status: text(row, 'status') as AuthChallenge['status'],
          createdAt: number(row, 'created_at'),
          expiresAt: number(row, 'expires_at'),
        }
      : undefined,
})

export const insertAuthChallenge = (challenge: AuthChallenge): Write => ({
  sql: `
    insert into auth_challenges (
      id, org_id, initiator_id, responder_id, initiator_nonce, responder_nonce, channel, status,
      created_at, expires_at, mac
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
  values: (point) => sealed(table, valuesOf(challenge), point),
})

/** Takes a challenge one step on; whoever is second finds the unit stale and decides again. */
export const advanceAuthChallenge = (
  from: AuthChallenge['status'],
  challenge: AuthChallenge,
): Write => ({
  sql: `
    update auth_challenges set status = $2, responder_nonce = $3, mac = $4
    where id = $1 and status = $5`,
  values: ({ seal }) => [
    challenge.id,
    challenge.status,
    challenge.responderNonce ?? null,
    seal(table.name, valuesOf(challenge)),
    from,
  ],
  expects: 1,
  otherwise: 'stale',
})

/** Those that nobody can answer any more. */
export const forgetAuthChallenges = (before: number): Write => ({
  sql: `delete from auth_challenges where expires_at < $1`,
  values: () => [before],
})
