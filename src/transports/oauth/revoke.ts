// Revocation (RFC 7009): ends the grant of a token and all that was delegated from it. A token that is unknown,
// dead, or not the client's to end is answered as one that was ended (§2.2), so that nobody learns which are
// there.

import { operationByName } from '../../operations/index.ts'
import type { Operation } from '../../operations/operation.ts'
import { perform } from '../../operations/perform.ts'
import type { Arrived, Door } from '../http/door.ts'
import { nobody } from '../http/nobody.ts'
import { traceIn } from '../trace.ts'
import type { Outcome } from './answer.ts'
import { clientIn } from './client-authentication.ts'
import { parametersIn } from './parameters.ts'

const revokeToken = operationByName('revoke_token') as Operation

export async function revoke(arrived: Arrived, door: Door): Promise<Outcome> {
  const parameters = parametersIn(arrived)
  const header = clientIn(arrived, door, parameters)
  const token = parameters.required('token')
  const answer = await perform(door.context, revokeToken, {
    arguments: { cause: 'Revoked by its client (RFC 7009).' },
    meta: { 'dev.remit/subject_token': token },
    header,
    environment: nobody,
    ...traceIn(undefined, arrived.traceparent),
  })
  door.metrics.operation(revokeToken.name, answer)
  return !answer.ok && answer.refusal.code !== 'not_found' ? answer : {}
}
