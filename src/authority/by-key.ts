// The agent whose private key this very process was started with. Nothing travels that could be replayed, so
// there is no assertion: that its public part is registered says whose process this is, as long as it is.

import { credentialStatus } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import { byCredential } from './by-credential.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'

export async function byKey(
  context: Context,
  presented: Extract<Presented, { kind: 'private_key' }>,
  repeats: boolean,
): Promise<Authenticated> {
  const { live, now } = context
  const { thumbprint } = presented.presentedKey
  const own = [...live.credentials.values()].filter(
    ({ agentId, publicKeys }) =>
      agentId === presented.agentId && publicKeys?.some((key) => key.thumbprint === thumbprint),
  )
  // A successor that was discarded unused leaves its key to the next.
  const credential = own.find((each) => credentialStatus(each, now()) === 'active') ?? own[0]
  if (credential === undefined) {
    return refused(new Refusal('invalid_client', { ...unusable().detail, reason: 'no_key' }))
  }
  const again = () => byKey(context, presented, repeats)
  return byCredential(context, credential, { repeats, again })
}
