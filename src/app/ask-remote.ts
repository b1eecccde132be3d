// Operations asked of a remote Remit by a command on the agent's side, where there is no store: each over MCP, with
// the credential that the environment names, to that address alone.

import { takeEnvironmentCredential } from '../authority/environment.ts'
import type { Config, Environment } from '../config.ts'
import { Refusal, refusalCodes } from '../core/refusal.ts'
import type { RefusalError } from '../core/refusal.ts'
import { forOneRequest, inMeta } from '../transports/bridge/credential.ts'
import { fetchJson, unavailable } from '../transports/bridge/fetch-json.ts'
import { remoteAddress } from '../transports/bridge/remote-address.ts'
import { createRemote, isFields } from '../transports/bridge/remote.ts'
import type { Asking } from './ask.ts'
import { requireVerifiedTls, withoutKey } from './remote-credential.ts'

/** Refuses an address no credential may go to. A key signs only for the issuer in REMIT_ISSUER. */
export function askRemote(url: string, env: Environment, config: Config): Asking {
  const address = remoteAddress(url)
  requireVerifiedTls(env)
  const credential = withoutKey(takeEnvironmentCredential(env, config.home).presented)
  const call = createRemote(fetchJson, address.mcp, config.version)
  return async (name, args) => {
    const presentation = inMeta(await forOneRequest(credential, config.issuer))
    const { result } = await call('tools/call', { name, arguments: args }, presentation)
    const { structuredContent: said } = result
    if (!isFields(said))
      throw unavailable('The remote Remit answers something else than was asked.')
    if (!isFields(said['error'])) return said
    throw refusalIn(said['error'])
  }
}

/** In the remote's own words. */
function refusalIn(error: Readonly<Record<string, unknown>>): Refusal {
  const { code, ...detail } = error as unknown as RefusalError
  return refusalCodes.includes(code) ? new Refusal(code, detail) : new Refusal('server_error')
}
