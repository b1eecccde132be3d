// `remit bridge`: a host's own end of a remote Remit. It holds the agent's credential, so that neither the
// host's configuration nor its model does, and needs no store.

import { takeEnvironmentCredential } from '../authority/environment.ts'
import type { Log } from '../authority/context.ts'
import type { Presented } from '../authority/presented.ts'
import type { Config, Environment } from '../config.ts'
import { Refusal } from '../core/refusal.ts'
import { privateJwkOf } from '../crypto/private-jwk.ts'
import { signClientAssertion } from '../sign/client-assertion.ts'
import type { BridgeCredential } from '../transports/bridge/credential.ts'
import { remoteAddress } from '../transports/bridge/remote-address.ts'
import { bridgeSurface } from '../transports/bridge/surface.ts'
import { serveStdio } from '../transports/stdio/serve.ts'

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

/** The key is used here and goes no further; its thumbprint names it, whatever it was registered as. */
function withoutKey(presented: Presented): BridgeCredential {
  if (presented.kind !== 'private_key') return presented
  const { agentId, presentedKey } = presented
  const jwk = { ...privateJwkOf(presentedKey), kid: presentedKey.thumbprint }
  return {
    kind: 'own_key',
    agentId,
    assertionFor: (issuer) => signClientAssertion(jwk, { agentId, issuer }),
  }
}

/** Node can be told to believe any certificate; then anybody could be the remote. */
function requireVerifiedTls(env: Environment): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return
  throw new Refusal('invalid_request', {
    message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 would send the credential to anybody.',
    remedy: { text: 'Unset it; name a private authority in NODE_EXTRA_CA_CERTS.' },
  })
}
