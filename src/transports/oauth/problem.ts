// What an OAuth endpoint answers instead of success: the error codes of the RFCs, and the one table that says
// which of them each refusal of Remit becomes. `invalid_grant`, `access_denied` and their like belong to grant
// types that are not served here.

import { httpStatusOf } from '../../core/refusal.ts'
import type { Refusal, RefusalCode } from '../../core/refusal.ts'

/** RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8693 §2.2.2, RFC 8707 §2, RFC 9449 §5. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'server_error'
  | 'temporarily_unavailable'

const unproven: ReadonlySet<OAuthError> = new Set(['invalid_client', 'invalid_token'])

/** An error that is OAuth's own: no operation was asked. */
export class OAuthProblem extends Error {
  override readonly name = 'OAuthProblem'
  readonly error: OAuthError
  readonly status: 400 | 401 | 413

  constructor(error: OAuthError, description: string, status?: 413) {
    super(description)
    this.error = error
    this.status = status ?? (unproven.has(error) ? 401 : 400)
  }
}

/**
 * Once the client is proven. A subject or actor token that is dead, or that policy does not accept, is
 * `invalid_request` and not `invalid_grant` (RFC 8693 §2.2.2).
 */
const errors = {
  invalid_request: 'invalid_request',
  unknown_operation: 'server_error',
  unsupported: 'invalid_request',
  server_error: 'server_error',
  unavailable: 'temporarily_unavailable',
  rate_limited: 'temporarily_unavailable',
  not_found: 'invalid_request',
  conflict: 'invalid_request',
  invalid_client: 'invalid_client',
  invalid_token: 'invalid_request',
  invalid_scope: 'invalid_scope',
  insufficient_scope: 'invalid_request',
  invalid_target: 'invalid_target',
  exceeds_parent: 'invalid_request',
  exceeds_ceiling: 'invalid_scope',
  ancestor_revoked: 'invalid_request',
  depth_exhausted: 'invalid_request',
  uses_exhausted: 'invalid_request',
  agent_suspended: 'invalid_request',
  // Of a client that is proven it is the proof of possession (RFC 9449 §5), else its assertion (below).
  replay_detected: 'invalid_dpop_proof',
  task_mismatch: 'invalid_request',
  binding_downgrade: 'invalid_request',
  handoff_already_claimed: 'invalid_request',
  wrong_credential_class: 'invalid_request',
} as const satisfies Record<RefusalCode, OAuthError>

/** Where what was asked for is at fault, the parameter decides (RFC 6749 §5.2, RFC 8707 §2). */
const ofDimension: Readonly<Record<string, OAuthError>> = {
  scopes: 'invalid_scope',
  ceiling: 'invalid_scope',
  audience: 'invalid_target',
}

/** The error that a refusal becomes, and its status. */
export function oauthErrorOf(
  { code, detail }: Refusal,
  isStranger: boolean,
): { readonly error: OAuthError; readonly status: number } {
  const error = isAboutParameters(code) ? (failedIn(detail) ?? errors[code]) : errors[code]
  if (isTrouble(error)) return { error, status: httpStatusOf(code) }
  // Whatever is wrong with a client that is not proven, it has not authenticated (RFC 6749 §5.2).
  if (isStranger) return { error: 'invalid_client', status: 401 }
  return { error, status: error === 'invalid_client' ? 401 : 400 }
}

const isAboutParameters = (code: RefusalCode): boolean =>
  code === 'invalid_request' || code === 'exceeds_parent'

const failedIn = ({ failures }: Refusal['detail']): OAuthError | undefined =>
  ofDimension[failures?.[0]?.dimension.split('.')[0] ?? '']

const isTrouble = (error: OAuthError): boolean =>
  error === 'server_error' || error === 'temporarily_unavailable'
