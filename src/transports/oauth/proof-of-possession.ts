// To which key a token that is asked for shall be bound: the one place where the token endpoint looks at the
// DPoP header (RFC 9449 §5). A proof that cannot be honoured is refused, so that nobody takes a bearer token
// for a bound one.

import type { Request } from '../../operations/perform.ts'
import { requestProof } from '../../operations/request-proof.ts'
import type { Arrived, Door } from '../http/door.ts'
import { addressOf } from '../http/resource-metadata.ts'
import { OAuthProblem } from './problem.ts'

export interface Binding {
  readonly tokenType: 'Bearer' | 'DPoP'
  /** What is asked for, bound to the key, which also proves a subject token that is bound to it. */
  readonly bind: (asked: Pick<Request, 'arguments' | 'exchange'>) => Partial<Request>
}

const unbound: Binding = { tokenType: 'Bearer', bind: (asked) => asked }

export async function bindingIn(
  arrived: Arrived,
  { context, issuerUrl = '' }: Door,
): Promise<Binding> {
  // That it came once is settled (gate.ts).
  const presentedProof = arrived.headers['dpop']
  if (presentedProof === undefined) return unbound
  if (typeof presentedProof !== 'string') throw problem('The DPoP proof is not valid here.')
  const url = addressOf(issuerUrl, '/token')
  const proof = await requestProof(context, presentedProof, { method: 'POST', url })
  if (!proof.ok) {
    if (proof.reason !== 'use_dpop_nonce') throw problem('The DPoP proof is not valid here.')
    throw new OAuthProblem('use_dpop_nonce', 'Use the nonce of the header DPoP-Nonce.')
  }
  const { publicJwk, thumbprint, spends } = proof
  return {
    tokenType: 'DPoP',
    bind: ({ arguments: args, exchange }) => ({
      arguments: { ...(args as object), bind_jwk: publicJwk },
      spends,
      ...(exchange?.subject.kind === 'token' && {
        exchange: { ...exchange, subject: { ...exchange.subject, provenBy: thumbprint } },
      }),
    }),
  }
}

const problem = (text: string): OAuthProblem => new OAuthProblem('invalid_dpop_proof', text)
