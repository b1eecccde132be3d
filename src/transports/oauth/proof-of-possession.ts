// To which key a token that is asked for shall be bound: the one place where the token endpoint looks at the
// DPoP header (RFC 9449 §5). A proof that cannot be honoured is refused, so that nobody takes a bearer token
// for a bound one.

import { allOf } from '../http/credentials.ts'
import type { Ask } from '../http/door.ts'
import { OAuthProblem } from './problem.ts'

export function bindingIn(ask: Ask): { readonly tokenType: 'Bearer' } {
  if (allOf(ask.env.incoming, 'dpop').length > 0) {
    throw new OAuthProblem('invalid_dpop_proof', 'Tokens bound to a key are not issued here yet.')
  }
  return { tokenType: 'Bearer' }
}
