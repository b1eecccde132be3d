// A world as other servers see it: verifiers that fetch from it, on its clock, and count what they fetch.

import type { Context } from '../../src/authority/context.ts'
import { publicDenyList, publicKeys } from '../../src/operations/public-keys.ts'
import type { Fetch } from '../../src/verify/fetch-text.ts'
import { createVerifier } from '../../src/verify/verifier.ts'
import type { Verifier, VerifierOptions } from '../../src/verify/verifier.ts'
import { delegated, minted, renewed } from '../attacks/attack.ts'
import type { Held } from '../attacks/attack.ts'
import { addServer, audienceOf } from '../support/servers.ts'
import { world } from '../support/world.ts'
import type { Holder, World, WorldOptions } from '../support/world.ts'
import type { Presented } from '../../src/authority/presented.ts'

export interface Served {
  readonly w: World
  /** Resource identifier of the MCP server `notes`. */
  readonly audience: string
  readonly fetched: string[]
  readonly fetch: Fetch
  verifier(options?: Partial<VerifierOptions>): Verifier
  /** A root, or a child of another grant, that may be used at Remit and at `notes`. */
  mint(args?: object, as?: Holder | Presented): Promise<ForNotes>
  delegate(parent: ForNotes, args?: object): Promise<ForNotes>
  /** Another token of the grant for `notes`. */
  renew(of: ForNotes): Promise<string>
}

export interface ForNotes extends Held {
  /** Its token for `notes`; `text` is the one for Remit. */
  readonly token: string
}

/** Straight from a process of that world. */
export const fetchOf =
  (context: Context, fetched: string[] = []): Fetch =>
  async (what, since) => {
    fetched.push(since === undefined ? what : `${what} since ${since}`)
    return what === 'jwks'
      ? JSON.stringify(await publicKeys(context))
      : publicDenyList(context, since)
  }

export async function served(options: WorldOptions = {}): Promise<Served> {
  const w = await world(options)
  const tools = [{ name: 'add' }, { name: 'list' }, { name: 'readAll', scope_name: 'read-all' }]
  const audience = audienceOf(w, await addServer(w, 'notes', { tools }))
  const fetched: string[] = []
  const fetch = fetchOf(w.context, fetched)
  const both = { audience: [w.issuer, audience], grant_ttl_seconds: 900 }
  const renew = async (of: Held) => (await renewed(w, of.presented, { audience })).text
  const forNotes = async (held: Held) => ({ ...held, token: await renew(held) })
  return {
    w,
    audience,
    fetched,
    fetch,
    verifier: (more = {}) =>
      createVerifier({
        issuer: w.issuer,
        audience,
        fetch,
        now: w.now,
        elapsed: () => w.now() * 1000,
        ...more,
      }),
    mint: async (args = {}, as = w.local) =>
      forNotes(await minted(w, as, { scopes: ['demo:*', 'tokens:delegate'], ...both, ...args })),
    delegate: async (parent, args = {}) =>
      forNotes(await delegated(w, parent.presented, { scopes: ['demo:read'], ...both, ...args })),
    renew,
  }
}
