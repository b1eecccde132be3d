// What a request may see listed: the operations that its authority may call, and for how long that list
// may be kept. A request that presents nothing usable sees `whoami`, and the one claim that needs no
// credential; a registered MCP server sees what is for servers. Listing does not use up its proof.

import { authenticate } from '../authority/authenticate.ts'
import { isRegisteredServer } from '../authority/by-server.ts'
import type { Caller } from '../authority/caller.ts'
import type { Context } from '../authority/context.ts'
import { metaKeys } from '../authority/presented.ts'
import { assertRegistered } from '../authority/registration.ts'
import { Refusal } from '../core/refusal.ts'
import type { Operation } from './operation.ts'
import { narrowByMeta, presentedBy } from './perform.ts'
import type { Sources } from './perform.ts'
import { protectedBy } from './protections.ts'
import { visibleTo } from './visible.ts'

export interface Seen {
  readonly visible: readonly Operation[]
  /** Milliseconds. */
  readonly ttlMs: number
  /** Why nobody is known to ask, where that is so. */
  readonly refusal?: Refusal
}

const longestMs = 60_000
const strangers: ReadonlySet<string> = new Set(['whoami', 'claim_handoff'])

/** Never rejects for want of authority: who may call nothing sees next to nothing. */
export async function authorityFor(
  context: Context,
  request: Sources,
  operations: readonly Operation[],
  method = 'tools/list',
): Promise<Seen> {
  const byServer = await isByServer(context, request)
  if (byServer === true) return { visible: operations.filter(isForServers), ttlMs: 0 }
  const caller = byServer === false ? await callerOf(context, request, method) : byServer
  if (caller instanceof Refusal) {
    const visible = operations.filter(({ name }) => strangers.has(name))
    return { visible, ttlMs: 0, refusal: caller }
  }
  const left = (caller.acting.grant.expiresAt ?? Number.MAX_SAFE_INTEGER) - context.now()
  return {
    visible: visibleTo(context, caller, operations),
    ttlMs: Math.max(0, Math.min(longestMs, left * 1000)),
  }
}

/** Whether a request proves something of itself, so that it is good once and not to be taken for another. */
export const holdsProof = (meta: Sources['meta']): boolean =>
  meta !== undefined && goodOnce.some((key) => key in meta)

const goodOnce = [metaKeys.proof, metaKeys.actAsProof, metaKeys.clientAssertion]

/** Whether a request itself says who asks, or under which grant; what is no use then is refused, never skipped. */
export const saysWho = (meta: Sources['meta']): boolean =>
  Object.keys(meta ?? {}).some((key) => key.startsWith('dev.remit/') && !saysElse.has(key))

const saysElse: ReadonlySet<string> = new Set([
  metaKeys.registration,
  metaKeys.handoff,
  metaKeys.subjectToken,
])

const isForServers = ({ strangers: taken }: Operation): boolean =>
  taken?.presenting.includes('server_proof') === true

async function isByServer(context: Context, request: Sources): Promise<boolean | Refusal> {
  try {
    return await isRegisteredServer(context, presentedBy(request))
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

async function callerOf(
  context: Context,
  request: Sources,
  method: string,
): Promise<Caller | Refusal> {
  try {
    await context.live.refresh()
    assertRegistered(context)
    const presented = presentedBy(request)
    const asked = { operation: method, arguments: {}, meta: request.meta ?? {} }
    const authenticated = await authenticate(context, presented, asked)
    if (!authenticated.ok) return authenticated.refusal
    const isEnvironments = presented === request.environment
    const proven = { ...authenticated.caller, isEnvironments }
    return await protectedBy(context, await narrowByMeta(context, proven, request.meta), asked)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
