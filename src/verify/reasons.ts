// Why a token is not believed here, and what its bearer is told of it: exact inside, few words outside. A
// reason without a row here does not compile.

import type { DenyEntry } from '../core/deny-list.ts'
import { Refusal } from '../core/refusal.ts'
import type { RefusalCode, RefusalDetail } from '../core/refusal.ts'
import type { TrustFlaw } from './trust.ts'

export type Reason =
  | 'nothing_presented'
  | 'two_presented'
  | 'unusable_presented'
  | 'not_a_token'
  | 'unknown_key'
  | 'wrong_signature'
  | 'wrong_claims'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'issued_later'
  | 'expired'
  | 'key_not_believed'
  | `denied_${DenyEntry['kind']}`
  | 'unproven'
  | 'protected'
  | 'opaque'
  | 'inactive'
  | `no_list_${TrustFlaw}`

type Told = { readonly code: RefusalCode } & Pick<RefusalDetail, 'message' | 'remedy'>

const unauthentic: Told = {
  code: 'invalid_token',
  message: 'The token is not one for this server, or no longer.',
  remedy: {
    text: 'Present a token that Remit issued for this server, unchanged.',
    operation: 'renew_token',
  },
}
const ended: Told = {
  code: 'invalid_token',
  message: 'The token or its grant was revoked.',
  remedy: {
    text: 'Ask whoever delegated to you for a new grant, or mint one with your credential.',
  },
}
const unknowable: Told = {
  code: 'unavailable',
  message: 'This server cannot tell now what was revoked.',
  remedy: { text: 'Try again in a moment; if it stays so, this server cannot reach Remit.' },
}
const unauthenticated: Told = {
  code: 'invalid_client',
  message: 'Present one token that Remit issued for this server.',
  remedy: { text: 'Send the token in _meta["dev.remit/token"], or over HTTP as a bearer token.' },
}

const table: Readonly<Record<Exclude<Reason, `no_list_${string}`>, Told>> = {
  nothing_presented: unauthenticated,
  two_presented: unauthenticated,
  unusable_presented: unauthenticated,
  not_a_token: unauthentic,
  unknown_key: unauthentic,
  wrong_signature: unauthentic,
  wrong_claims: unauthentic,
  wrong_issuer: unauthentic,
  wrong_audience: unauthentic,
  issued_later: unauthentic,
  expired: {
    code: 'invalid_token',
    message: 'The token has expired.',
    remedy: { text: 'Renew the token while its grant lives.', operation: 'renew_token' },
  },
  key_not_believed: unauthentic,
  denied_token: ended,
  denied_key: ended,
  denied_grant: ended,
  denied_instance: ended,
  denied_agent: ended,
  denied_credential: ended,
  denied_task: ended,
  denied_ceiling: ended,
  denied_operation: ended,
  unproven: {
    code: 'invalid_token',
    message:
      'The token is bound to a key, and no proof of that key that this server can verify came with it.',
    remedy: { text: 'Send a proof of the key with the call, or a token that is bound to none.' },
  },
  protected: {
    code: 'invalid_token',
    message: 'The grant may only be used under protections that this server cannot verify.',
    remedy: { text: 'Use it at Remit, or ask for a grant without them.' },
  },
  opaque: {
    code: 'invalid_token',
    message:
      'The uses of this token are counted, which only Remit can do; this server does not ask it.',
    remedy: { text: 'Ask for a grant without a limit of uses, for this server.' },
  },
  inactive: ended,
}

/** The refusal for a reason; `denial` says more exactly what ended a token. */
export function refusalFor(
  reason: Reason,
  denial: { readonly code?: RefusalCode; readonly missing_at?: string } = {},
): Refusal {
  const told = isAboutList(reason) ? unknowable : table[reason]
  const { code, message, remedy } = told
  const { code: exact = code, missing_at } = denial
  return new Refusal(exact, {
    ...(message !== undefined && { message: messages[exact] ?? message }),
    ...(remedy !== undefined && { remedy }),
    ...(missing_at !== undefined && { missing_at }),
  })
}

const messages: Partial<Record<RefusalCode, string>> = {
  ancestor_revoked: 'Something this grant descends from was revoked.',
  agent_suspended: 'An agent that holds this grant, or one it descends from, is not active.',
}

const isAboutList = (reason: Reason): reason is `no_list_${TrustFlaw}` =>
  reason.startsWith('no_list_')
