// The resources: the public keys for anyone, the delegation tree and an agent's record as reads of their
// operations, with the same permission and audit.

import type { Context } from '../authority/context.ts'
import { isId } from '../core/id.ts'
import { Refusal } from '../core/refusal.ts'
import { saysSecret } from '../operations/arguments.ts'
import { operationByName } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'
import { perform } from '../operations/perform.ts'
import { publicKeys } from '../operations/public-keys.ts'
import type { Request } from '../operations/perform.ts'
import type { ResourceListing, ResourceTemplateListing, ResourceText } from './surface.ts'

const jwks: ResourceListing = {
  uri: 'remit://jwks',
  name: 'jwks',
  title: 'Public signing keys',
  description: 'The keys that verify tokens of this server (RFC 7517).',
  mimeType: 'application/jwk-set+json',
}

const tree: ResourceListing = {
  uri: 'remit://delegation-tree',
  name: 'delegation-tree',
  title: 'Delegation tree',
  description: 'Your grants and what hangs below them.',
  mimeType: 'application/json',
}

const agent: ResourceTemplateListing = {
  uriTemplate: 'remit://agents/{id}',
  name: 'agent',
  title: 'Agent',
  description: 'The record of an agent, by id.',
  mimeType: 'application/json',
}

const sees = (visible: readonly Operation[], name: string): boolean =>
  visible.some((operation) => operation.name === name)

/** What the authority may list: the keys always, the tree with its operation. */
export const resources = (visible: readonly Operation[]): readonly ResourceListing[] => [
  jwks,
  ...(sees(visible, 'delegation_tree') ? [tree] : []),
]

export const resourceTemplates = (
  visible: readonly Operation[],
): readonly ResourceTemplateListing[] => (sees(visible, 'get_agent') ? [agent] : [])

type From = Omit<Request, 'arguments'>

/** Reads one; refuses as the operation behind it does, and unknown ones as `not_found`. */
export async function readResource(
  context: Context,
  uri: string,
  by: Omit<From, 'asked'>,
): Promise<ResourceText> {
  const from = { ...by, asked: { operation: 'resources/read', arguments: { uri } } }
  if (uri === jwks.uri)
    return { uri, mimeType: jwks.mimeType, text: JSON.stringify(await publicKeys(context)) }
  if (uri === tree.uri) return asText(uri, await run(context, 'delegation_tree', {}, from))
  // The one path refuses what holds a secret, unechoed and with its finding (authority: rule 34).
  if (saysSecret(context, uri))
    return asText(agent.uriTemplate, await run(context, 'get_agent', { agent: uri }, from))
  const id = uri.startsWith('remit://agents/') ? uri.slice('remit://agents/'.length) : ''
  if (!isId('agt', id)) throw new Refusal('not_found')
  return asText(uri, await run(context, 'get_agent', { agent: id }, from))
}

const asText = (uri: string, result: object): ResourceText => ({
  uri,
  mimeType: 'application/json',
  text: JSON.stringify(result),
})

async function run(
  context: Context,
  name: string,
  args: Record<string, unknown>,
  from: From,
): Promise<object> {
  const operation = operationByName(name)
  if (operation === undefined) throw new Refusal('not_found')
  const answer = await perform(context, operation, { ...from, arguments: args })
  if (answer.ok) return answer.result
  throw answer.refusal
}
