// The registration of this very server: proven at the start, and live state from then on. Revoked, or
// bound to another key since, the next call of every process is `unavailable`.

import { Refusal } from '../core/refusal.ts'
import type { Context } from './context.ts'
import type { RegistrationFile } from './registration-file.ts'

/** The key each process proved at its start, as the server's record had it then. */
const proven = new WeakMap<Context, string>()

/** Refuses every call while this server is not registered under the key it started with. */
export function assertRegistered(context: Context): void {
  const { live, self } = context
  const server = live.server(self.serverId)
  const key = proven.get(context)
  const isSameKey = key === undefined || key === server?.publicJwk
  if (server?.status === 'active' && isSameKey) return
  throw new Refusal('unavailable', {
    message: 'This server is not registered.',
    remedy: {
      text: 'The operator should start it again or, if that is refused, run `remit init --recover` on the host.',
    },
  })
}

/**
 * Redeems this server's registration credential at the first start, and proves the bound key at later
 * ones. Refused, the server must not serve (authority: rule 27).
 */
export async function registerThisServer(context: Context, file: RegistrationFile): Promise<void> {
  const { registerServer } = await import('./register-server.ts')
  const { signRegistrationProof } = await import('../crypto/registration-proof.ts')
  const { live, self, now, newId, settings } = context
  const server = live.server(self.serverId)
  const registration = live.registrations.get(file.credential_id)
  const { kty, crv, x } = file.private_jwk
  const name = server?.name ?? 'remit'
  const presentedProof = signRegistrationProof({
    privateJwk: file.private_jwk,
    serverName: name,
    credentialId: file.credential_id,
    audience: self.issuer,
    now: now(),
    jti: newId('evt'),
  })
  await registerServer(context, {
    ...(registration?.status === 'pending' && { presentedSecret: file.secret }),
    presentedProof,
    name,
    version: settings.version,
    publicJwk: { kty, crv, x },
    tools: [],
  })
  const key = live.server(self.serverId)?.publicJwk
  if (key !== undefined) proven.set(context, key)
}
