// What a registered MCP server may do to its own registration by its management token (RFC 7592): read it and
// end it. Updating it is registering again.

import { audienceName } from '../authority/audience.ts'
import { provenServer, serverCaller } from '../authority/by-server.ts'
import type { ServerCaller } from '../authority/by-server.ts'
import { assertClock } from '../authority/clock.ts'
import type { Context } from '../authority/context.ts'
import type { Presented } from '../authority/presented.ts'
import { registrationMeant } from '../authority/proven-registration.ts'
import { assertRegistered } from '../authority/registration.ts'
import { doneByServer, refusedServer } from '../authority/registration-events.ts'
import { strangeServer } from '../authority/server-refusals.ts'
import { Refusal } from '../core/refusal.ts'
import type { McpServer } from '../core/state.ts'
import { unrestrictedSince } from '../store/revocations.ts'
import type { Registration } from '../store/servers.ts'
import { endServer } from './ending-server.ts'

export interface ManagedServer {
  readonly server_id: string
  readonly registered_at: number
  readonly audience: string
  readonly name: string
  readonly version: string
  readonly public_jwk: unknown
  readonly tools: McpServer['tools']
  readonly resource_types: readonly {
    readonly type: string
    readonly operations: readonly string[]
  }[]
}

const attempts = 5
const ending = 'revoke_registration_credential'

/** The record of the very server that presents itself; refuses the token of any other. */
export const managedServer = (
  context: Context,
  presented: Presented | undefined,
  serverId: string,
): Promise<ManagedServer> =>
  managing(context, presented, serverId, 'register_mcp_server', async (caller) => {
    const { registration } = caller
    const operation = 'register_mcp_server'
    const event = () => doneByServer(context, operation, registration, serverId, { read: true })
    context.audit.add(`${operation} ${registration.id} read`, event)
    return recordOf(context, caller.server)
  })

/** Ends the registration, and with it the server, by its own wish (RFC 7592 §2.3). */
export async function endManagedServer(
  context: Context,
  presented: Presented | undefined,
  serverId: string,
): Promise<void> {
  const operation = ending
  await managing(context, presented, serverId, operation, async (caller) => {
    const { live, committer, now } = context
    const guard = unrestrictedSince(caller.guard, live.seq)
    const writes = [guard, ...endServer(caller.server, 'Ended by the server itself.', live, now())]
    const event = doneByServer(context, operation, caller.registration, serverId, {})
    const unit = { writes, events: [event], reserved: 'revocations' } as const
    return (await committer.submit(unit)) === 'committed' ? true : undefined
  })
}

/** Decides anew while `work` finds that something has changed meanwhile. */
async function managing<T>(
  context: Context,
  presented: Presented | undefined,
  serverId: string,
  operation: string,
  work: (caller: ServerCaller) => Promise<T | undefined>,
): Promise<T> {
  let known: Registration | undefined
  try {
    assertClock(context)
    // What ends authority is durable with its own event, and waits for no other's.
    if (operation !== ending) context.audit.assertWritable()
    if (presented?.kind !== 'management_token') throw strangeServer()
    for (let attempt = 0; attempt < attempts; attempt++) {
      await context.live.refresh()
      assertRegistered(context)
      const proven = await provenServer(context, presented)
      known = registrationMeant(context, presented, proven)
      const caller = serverCaller(context, known, proven)
      if (caller.server.id !== serverId) throw strangeServer()
      const done = await work(caller)
      if (done !== undefined) return done
    }
    throw new Refusal('unavailable', { message: 'The state changes too fast; try again.' })
  } catch (error) {
    if (error instanceof Refusal) await refusedServer(context, operation, known, error)
    throw error
  }
}

const recordOf = (context: Context, server: McpServer): ManagedServer => ({
  server_id: server.id,
  audience: audienceName(context, server.id),
  registered_at: server.registeredAt ?? server.createdAt,
  name: server.name,
  version: server.version,
  public_jwk: JSON.parse(server.publicJwk ?? 'null') as unknown,
  tools: server.tools,
  resource_types: [...context.live.resourceTypes.values()]
    .filter(({ ownerId }) => ownerId === server.id)
    .map(({ type, operations }) => ({ type, operations: [...operations.keys()] })),
})
