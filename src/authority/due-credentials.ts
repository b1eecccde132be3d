// Which credentials of agents are to be replaced: by their age, by their end, or by the end of the
// certificate that they were last proven by. What never ends is named too, so that somebody decides it.

import type { Agent } from '../core/agent.ts'
import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { dueAt } from '../core/renewal.ts'
import { agentCertificates } from '../store/agent-keys.ts'
import type { CertificateSighting } from '../store/agent-keys.ts'
import type { Store } from '../store/store.ts'
import { ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'
import type { LiveState } from './live.ts'

const day = 86_400
const ahead = 7 * day
/** For how long one that ended, and was not replaced, is still named. */
const behind = 30 * day
const about = 'credentials'

export interface Looked {
  readonly store: Store
  readonly live: LiveState
  readonly now: number
}

/** What is due within a week, overdue, or ended lately; of agents that are not retired. */
export async function dueCredentials({ store, live, now }: Looked): Promise<Finding[]> {
  const found: Finding[] = []
  for (const credential of live.credentials.values()) {
    const agent = live.agent(credential.agentId)
    if (agent === undefined || agent.status === 'retired') continue
    const seen =
      credential.kind === 'x509' ? await store.read(agentCertificates(agent.id)) : undefined
    const certificate = seen?.find(({ credentialId }) => credentialId === credential.id)
    for (const text of remarksOn(agent, credential, certificate, now)) {
      found.push(warning(about, `${credential.kind} ${credential.id} of ${agent.name} ${text}`))
    }
  }
  return found.length > 0 ? found : [ok(about, 'none is due within a week')]
}

function remarksOn(
  agent: Agent,
  credential: Credential,
  certificate: CertificateSighting | undefined,
  now: number,
): readonly string[] {
  const { kind, expiresAt, rotatedTo } = credential
  const status = credentialStatus(credential, now)
  if (status === 'retired' && expiresAt !== undefined && rotatedTo === undefined) {
    return expiresAt > now - behind ? [`ended at ${timeOf(expiresAt)} without a successor`] : []
  }
  if (status !== 'active') return []
  const due = dueAt(agent.rotationDays, credential, certificate)
  return [
    ...(kind === 'api_key' && expiresAt === undefined ? ['never ends'] : []),
    ...(certificate !== undefined && certificate.notAfter <= now
      ? [`was last proven by a certificate that ended at ${timeOf(certificate.notAfter)}`]
      : due <= now + ahead
        ? [`${due <= now ? 'was' : 'is'} due for replacement at ${timeOf(due)}`]
        : []),
    ...(expiresAt !== undefined && expiresAt <= now + ahead
      ? [`ends at ${timeOf(expiresAt)}`]
      : []),
  ]
}

export const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
