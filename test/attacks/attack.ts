// What attackers start from, in one line each: a token, a secret, and the answer to "may I?".

import type { Context } from '../../src/authority/context.ts'
import type { Presented } from '../../src/authority/presented.ts'
import { checkPermission } from '../../src/operations/check-permission.ts'
import { delegateToken } from '../../src/operations/delegate-token.ts'
import { operationByName } from '../../src/operations/index.ts'
import { mintToken } from '../../src/operations/mint-token.ts'
import type { Operation } from '../../src/operations/operation.ts'
import type { Answer, Request } from '../../src/operations/perform.ts'
import { renewToken } from '../../src/operations/renew-token.ts'
import type { Holder, World } from '../support/world.ts'

/** A grant, and a token of it to present. */
export interface Held {
  readonly grantId: string
  readonly tokenId: string
  readonly text: string
  readonly presented: Presented
}

type Args = Record<string, unknown>
type As = Holder | Presented
type More = Partial<Request> & { readonly in?: Context }

export const minted = async (w: World, as: As, args: Args, more: More = {}): Promise<Held> =>
  heldFrom(await w.call(mintToken, { delivery: 'meta', ...args }, as, more))

export const delegated = async (w: World, as: As, args: Args, more: More = {}): Promise<Held> =>
  heldFrom(await w.call(delegateToken, { delivery: 'meta', ...args }, as, more))

export const renewed = async (w: World, as: As, args: Args, more: More = {}): Promise<Held> =>
  heldFrom(await w.call(renewToken, { delivery: 'meta', ...args }, as, more))

export function heldFrom(answer: Answer): Held {
  if (!answer.ok) throw answer.refusal
  const { grant_id: grantId, token_id: tokenId } = answer.result as Record<string, string>
  const text = answer.meta?.['dev.remit/token']
  if (grantId === undefined || tokenId === undefined || text === undefined) {
    throw new Error('No token was handed out.')
  }
  return { grantId, tokenId, text, presented: { kind: 'token', presentedToken: text } }
}

/** The secret that was handed out, as its holder presents it. */
export function secretFrom(answer: Answer, agentId: string): Presented {
  if (!answer.ok) throw answer.refusal
  const presentedSecret = answer.meta?.['dev.remit/secret']
  if (presentedSecret === undefined) throw new Error('No secret was handed out.')
  return presentedSecret.startsWith('rmt_key_')
    ? { kind: 'api_key', presentedSecret }
    : { kind: 'secret', agentId, presentedSecret }
}

/** What an answer comes to: `allowed`, or the code of its refusal. */
export const codeOf = (answer: Answer): string => (answer.ok ? 'allowed' : answer.refusal.code)

/** `allowed`, the code of the decision, or the code with which the call itself was refused. */
export async function may(w: World, as: As, permission: string, more: More = {}) {
  const answer = await w.call(checkPermission, { permissions: [permission] }, as, more)
  if (!answer.ok) return answer.refusal.code
  const [first] = answer.result['results'] as readonly { readonly code: string }[]
  return first?.code
}

/** Any operation by its name, for tables. */
export function named(name: string): Operation {
  const operation = operationByName(name)
  if (operation === undefined) throw new Error(`No such operation: ${name}`)
  return operation
}

/** What calling an operation comes to. */
export const tried = async (w: World, name: string, args: Args, as: As, more: More = {}) =>
  codeOf(await w.call(named(name), args, as, more))

/** Whether a caller gets in at all: `allowed`, or the code that `whoami` is refused with. */
export const enters = (w: World, as: As, more: More = {}) => tried(w, 'whoami', {}, as, more)

/** How many of each code there were. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[codeOf(answer)] = (counts[codeOf(answer)] ?? 0) + 1
  return counts
}
