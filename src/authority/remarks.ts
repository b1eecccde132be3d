// What is worth saying at the start about the credential a server runs with. Only looked up, never used:
// a credential counts as never used until its first call.

import { credentialStatus } from '../core/credential.ts'
import type { Context } from './context.ts'
import { secretHash } from './by-secret.ts'
import type { Presented } from './presented.ts'

/** Sentences for stderr; the calls themselves are decided when they come. */
export function remarksOn(context: Context, presented: Presented): readonly string[] {
  if (presented.kind === 'nothing') {
    return ['No credential is in the environment: each call needs its own in _meta.']
  }
  if (presented.kind !== 'secret' && presented.kind !== 'api_key') return []
  const { live, now } = context
  const credential = live.credentialBySecret(secretHash(context, presented.presentedSecret))
  const agent = live.agent(credential?.agentId ?? '')
  if (credential === undefined || agent === undefined) {
    return ['The credential in the environment is not known here: every call is refused.']
  }
  const status = credentialStatus(credential, now())
  const isLive = (status === 'active' || status === 'retiring') && agent.status === 'active'
  return [
    ...(isLive
      ? []
      : [
          `The credential in the environment is ${status}, its agent ${agent.status}: calls are refused.`,
        ]),
    ...(agent.computedCeiling
      ? ['This server runs with the credential of the administrator; give agents their own.']
      : []),
  ]
}
