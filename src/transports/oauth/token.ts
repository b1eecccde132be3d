// The token endpoint (RFC 6749 §3.2): authenticates nobody and decides nothing itself, but runs the operation
// of the grant type and says what came of it in OAuth's words.

import type { Presented } from '../../authority/presented.ts'
import type { Minted } from '../../operations/mint-fields.ts'
import { perform } from '../../operations/perform.ts'
import type { Request } from '../../operations/perform.ts'
import { nobody } from '../http/nobody.ts'
import type { Arrived, Door } from '../http/door.ts'
import { traceIn } from '../trace.ts'
import type { Outcome } from './answer.ts'
import { clientIn } from './client-authentication.ts'
import { grantTypes } from './grant-types.ts'
import { parametersIn } from './parameters.ts'
import { OAuthProblem } from './problem.ts'
import { bindingIn } from './proof-of-possession.ts'

export async function token(arrived: Arrived, door: Door): Promise<Outcome> {
  const { context, issuerUrl = '' } = door
  const parameters = parametersIn(arrived)
  const client = clientIn(arrived, door, parameters)
  const name = parameters.required('grant_type')
  const grantType = Object.hasOwn(grantTypes, name) ? grantTypes[name] : undefined
  if (grantType === undefined) {
    throw new OAuthProblem('unsupported_grant_type', 'That grant type is not served here.')
  }
  const { tokenType, bind } = await bindingIn(arrived, door)
  const asked = overTls(grantType.asked(parameters, issuerUrl), arrived.certificates())
  const answer = await perform(context, grantType.operation, {
    ...asked,
    ...bind(asked),
    header: client,
    environment: nobody,
    ...traceIn(undefined, arrived.traceparent),
  })
  door.metrics.operation(grantType.operation.name, answer)
  if (!answer.ok) return answer
  const { scopes, expires_at } = answer.result as Minted
  return {
    access_token: answer.meta?.['dev.remit/token'],
    token_type: tokenType,
    expires_in: expires_at - context.now(),
    scope: scopes.join(' '),
    ...grantType.also,
  }
}

type Asked = Pick<Request, 'arguments' | 'exchange'>

/** What is exchanged comes over the very connection that it may be bound to (RFC 8705 §3). */
function overTls({ exchange, ...asked }: Asked, presentedChain?: readonly Buffer[]): Asked {
  if (exchange === undefined) return asked
  if (presentedChain === undefined) return { ...asked, exchange }
  const over = (each: Presented): Presented =>
    each.kind === 'token' ? { ...each, presentedChain } : each
  const { subject, actor } = exchange
  return {
    ...asked,
    exchange: { subject: over(subject), ...(actor !== undefined && { actor: over(actor) }) },
  }
}
