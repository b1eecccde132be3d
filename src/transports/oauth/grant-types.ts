// The grant types of the token endpoint: each is an operation, and how the parameters of a request become its
// arguments. The operation decides everything else.

import type { Presented } from '../../authority/presented.ts'
import { operationByName } from '../../operations/index.ts'
import type { Operation } from '../../operations/operation.ts'
import type { Request } from '../../operations/perform.ts'
import { invalid } from './parameters.ts'
import type { Parameters } from './parameters.ts'
import { OAuthProblem } from './problem.ts'
import { audienceIn } from './targets.ts'

export interface GrantType {
  readonly operation: Operation
  readonly asked: (
    parameters: Parameters,
    issuer: string,
  ) => Pick<Request, 'arguments' | 'exchange'>
  /** What a response has besides that of RFC 6749 §5.1. */
  readonly also?: Readonly<Record<string, string>>
}

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

export const grantTypes: Readonly<Record<string, GrantType>> = {
  client_credentials: {
    operation: named('mint_token'),
    asked: (parameters, issuer) => ({ arguments: wanted(parameters, issuer) }),
  },
  /** Token exchange (RFC 8693) is delegation: what the subject token allows, narrowed, for the actor. */
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    operation: named('delegate_token'),
    asked: (parameters, issuer) => {
      const requested = parameters.one('requested_token_type') ?? accessToken
      if (requested !== accessToken) throw invalid(`requested_token_type must be ${accessToken}.`)
      const subject = tokenIn(parameters, 'subject_token')
      if (subject === undefined) throw invalid('subject_token is missing.')
      const actor = tokenIn(parameters, 'actor_token')
      return {
        arguments: wanted(parameters, issuer),
        exchange: { subject, ...(actor !== undefined && { actor }) },
      }
    },
    also: { issued_token_type: accessToken },
  },
}

export const grantTypesSupported: readonly string[] = Object.keys(grantTypes)

/** The response of the token endpoint is the delivery. */
const wanted = (parameters: Parameters, issuer: string) => ({
  scopes: scopeIn(parameters),
  ...audienceIn(parameters, issuer),
  ...lifeIn(parameters),
  delivery: 'meta',
})

/** A parameter of ours (RFC 6749 §8.2): how long the grant lives on, whose tokens can then be renewed. */
function lifeIn(parameters: Parameters): { readonly grant_ttl_seconds?: number } {
  const text = parameters.one('grant_ttl_seconds')
  if (text === undefined) return {}
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalid('grant_ttl_seconds is no number of seconds.')
  return { grant_ttl_seconds: Number(text) }
}

/** There is no default: what was not asked for is not granted (RFC 6749 §3.3). */
function scopeIn(parameters: Parameters): readonly string[] {
  const scope = parameters.one('scope')
  if (scope === undefined) throw new OAuthProblem('invalid_scope', 'Say which scopes are wanted.')
  return scope.split(' ')
}

/** A token and its type come together (RFC 8693 §2.1). */
function tokenIn(parameters: Parameters, name: string): Presented | undefined {
  const presentedToken = parameters.one(name)
  const type = parameters.one(`${name}_type`)
  if (presentedToken === undefined) {
    if (type !== undefined) throw invalid(`${name}_type came without ${name}.`)
    return undefined
  }
  if (type !== accessToken) throw invalid(`${name}_type must be ${accessToken}.`)
  return { kind: 'token', presentedToken }
}

function named(name: string): Operation {
  const operation = operationByName(name)
  if (operation === undefined) throw new Error(`There is no operation ${name}.`)
  return operation
}
