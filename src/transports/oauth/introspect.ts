// Introspection (RFC 7662), for a client that authenticates or a caller with a token of its own. Nothing is told
// of a token that the caller has no part in, nor why one is inactive (§2.2).

import { operationByName } from '../../operations/index.ts'
import type { Operation } from '../../operations/operation.ts'
import { perform } from '../../operations/perform.ts'
import type { Arrived, Door } from '../http/door.ts'
import { nobody } from '../http/nobody.ts'
import { traceIn } from '../trace.ts'
import type { Outcome, Refused } from './answer.ts'
import { clientIn } from './client-authentication.ts'
import { invalid, parametersIn } from './parameters.ts'
import type { Parameters } from './parameters.ts'
import { oauthErrorOf, OAuthProblem } from './problem.ts'

const introspectToken = operationByName('introspect_token') as Operation

export async function introspect(arrived: Arrived, door: Door): Promise<Outcome> {
  const parameters = parametersIn(arrived)
  const isByToken = /^(?:bearer|dpop) /i.test(String(arrived.headers['authorization'] ?? ''))
  const header = isByToken ? callerIn(arrived, parameters) : clientIn(arrived, door, parameters)
  // `token_type_hint` is but a hint (§2.1): there is one place to look.
  const token = parameters.required('token')
  const answer = await perform(door.context, introspectToken, {
    arguments: {},
    meta: { 'dev.remit/subject_token': token },
    ...(header !== undefined && { header }),
    environment: nobody,
    ...traceIn(undefined, arrived.traceparent),
  })
  door.metrics.operation(introspectToken.name, answer)
  if (!answer.ok && isByToken && isUnproven(answer)) {
    // RFC 7662 §2.3: then as a protected resource answers (RFC 6750 §3.1).
    throw new OAuthProblem('invalid_token', answer.refusal.message)
  }
  if (!answer.ok) return answer
  const { reason: _, ...told } = answer.result
  return told
}

/** A token in the header, and then no client in the body beside it (authority: rule 8). */
function callerIn(arrived: Arrived, parameters: Parameters) {
  if (['client_secret', 'client_assertion'].some((name) => parameters.one(name) !== undefined)) {
    throw invalid('Authenticate in exactly one way.')
  }
  return arrived.presented
}

const isUnproven = ({ refusal, isStranger }: Refused): boolean =>
  oauthErrorOf(refusal, isStranger === true).error === 'invalid_client'
