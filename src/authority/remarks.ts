// What is worth saying at the start about the credential a server runs with. Only looked up, never used:
// a credential counts as never used until its first call.

import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { byToken } from './by-token.ts'
import type { Context } from './context.ts'
import { secretHash } from './by-secret.ts'
import type { Presented } from './presented.ts'

/** Sentences for stderr; the calls themselves are decided when they come. */
export async function remarksOn(
  context: Context,
  presented: Presented,
): Promise<readonly string[]> {
  switch (presented.kind) {
    case 'nothing':
      return ['No credential is in the environment: each call needs its own in _meta.']
    case 'token':
      return remarksOnToken(context, presented)
    case 'secret':
    case 'api_key':
      return remarksOnSecret(context, presented)
    default:
      return []
  }
}

type Of<Kind extends Presented['kind']> = Extract<Presented, { kind: Kind }>

async function remarksOnToken(context: Context, presented: Of<'token'>): Promise<string[]> {
  const found = await byToken(context, presented, { operation: 'whoami', arguments: {}, meta: {} })
  if (found.ok) return []
  const { code } = found.refusal
  return [`The token in the environment is refused (${code}), and so is every call.`]
}

function remarksOnSecret(context: Context, presented: Of<'secret' | 'api_key'>): string[] {
  const { live, now } = context
  const found = live.credentialBySecret(secretHash(context, presented.presentedSecret))
  const credential = found !== undefined && fits(found, presented) ? found : undefined
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

/** Whether it is presented as what it is, and for the agent that has it. */
const fits = ({ kind, agentId }: Credential, presented: Of<'secret' | 'api_key'>): boolean =>
  presented.kind === 'secret'
    ? kind === 'secret' && agentId === presented.agentId
    : kind === 'api_key'
