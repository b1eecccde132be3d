// Token exchange (RFC 8693): a client that has proven itself presents the token of a grant, the subject, and is
// delegated a part of that grant. The call runs under the subject's grant, so that it yields no more than the
// token itself would; what comes of it also hangs on what the client proved itself with.

import type { Agent } from '../core/agent.ts'
import { keysOfChain } from '../core/liveness.ts'
import { Refusal } from '../core/refusal.ts'
import { revocationKey } from '../core/revocation.ts'
import { authenticate } from './authenticate.ts'
import type { Caller } from './caller.ts'
import type { Context } from './context.ts'
import type { Asked } from './possession.ts'
import type { Presented } from './presented.ts'

/** What a client presents besides itself. */
export interface Exchange {
  readonly subject: Presented
  readonly actor?: Presented
}

/** Who exchanges, and for whom. */
export interface Exchanging {
  readonly client: Caller
  /** Who receives: the agent of the actor token, else the client. */
  readonly actor: Agent
  readonly actorBy?: Caller
  readonly presentedExchange: Exchange
}

/** The caller under the subject's grant; the client stays the one who presented it (authority: rule 14). */
export async function exchanging(
  context: Context,
  client: Caller,
  presentedExchange: Exchange,
): Promise<Caller> {
  const { subject, actor } = presentedExchange
  const under = await proven(context, client, subject)
  const actorBy = actor === undefined ? undefined : await proven(context, client, actor)
  const receiver = actorBy?.presenter ?? client.presenter
  const isClients = [under.presenter.id, receiver.id].includes(client.presenter.id)
  if (!isClients) {
    throw new Refusal('invalid_request', {
      message: 'The client is neither the holder of the subject token nor the actor.',
      remedy: { text: 'Exchange your own token for another agent, or another’s for yourself.' },
    })
  }
  return {
    ...under,
    presented: client.presented,
    exchange: {
      client,
      actor: receiver,
      ...(actorBy !== undefined && { actorBy }),
      presentedExchange,
    },
  }
}

/** No proof of a call can come with an exchange; the key of its DPoP proof is the request's. */
const nothingAsked: Asked = { operation: 'delegate_token', arguments: {}, meta: {} }

/** Tokens of another organisation are as good as unknown. */
async function proven(context: Context, client: Caller, presented: Presented): Promise<Caller> {
  const authenticated = await authenticate(context, presented, nothingAsked)
  if (!authenticated.ok) throw authenticated.refusal
  const { caller } = authenticated
  if (caller.token !== undefined && caller.orgId === client.orgId) return caller
  throw new Refusal('invalid_token')
}

/** Whatever restricts the client, its credential or the actor's grant makes the decision stale. */
export const guardOfExchange = ({ client, actorBy }: Exchanging): readonly string[] => [
  revocationKey('agent', client.presenter.id),
  revocationKey('credential', client.credentialId),
  ...(actorBy === undefined ? [] : keysOfChain(actorBy.own.chain)),
]
