// `remit bridge`: a host's own end of a remote Remit. It holds the agent's credential, so that neither the
// host's configuration nor its model does, and needs no store.

import { takeEnvironmentCredential } from '../authority/environment.ts'
import type { Log } from '../authority/context.ts'
import type { Config, Environment } from '../config.ts'
import { remoteAddress } from '../transports/bridge/remote-address.ts'
import { bridgeSurface } from '../transports/bridge/surface.ts'
import { serveStdio } from '../transports/stdio/serve.ts'
import { requireVerifiedTls, withoutKey } from './remote-credential.ts'

/** Serves MCP until its input ends; returns the exit code. Refuses an address no credential may go to. */
export async function bridgeUntilDone(
  url: string,
  env: Environment,
  { config, log }: { readonly config: Config; readonly log: Log },
  say: (text: string) => void,
): Promise<number> {
  const address = remoteAddress(url)
  requireVerifiedTls(env)
  const { presented, warnings } = takeEnvironmentCredential(env, config.home)
  warnings.forEach(say)
  if (presented.kind === 'nothing') say('No credential is named: the remote will know nobody.')
  const { stdin, stdout } = process
  const stop = () => void stdin.destroy()
  // A second signal ends the process at once.
  process.once('SIGTERM', stop).once('SIGINT', stop)
  const surface = bridgeSurface({
    address,
    credential: withoutKey(presented),
    version: config.version,
    ...(config.issuer !== undefined && { issuer: config.issuer }),
    ...(config.scopes !== undefined && { scopes: config.scopes.map(({ text }) => text) }),
  })
  await serveStdio({ surface, stdin, stdout, log })
  return 0
}
