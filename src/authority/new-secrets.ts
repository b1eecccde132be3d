// The secrets that only `init` and its recovery make, each with the record that keeps it and the text of
// the file that holds it. Nothing else ever sees them in the clear.

import type { Agent } from '../core/agent.ts'
import type { Credential } from '../core/credential.ts'
import type { IdPrefix } from '../core/id.ts'
import type { HashingQueue } from '../crypto/hashing-queue.ts'
import { keyedHash } from '../crypto/keyed-hash.ts'
import type { Subkeys } from '../crypto/keyed-hash.ts'
import { generateRegistrationKey } from '../crypto/registration-proof.ts'
import { newSecret } from '../crypto/secret.ts'
import type { Secret } from '../crypto/secret.ts'
import type { Registration } from '../store/servers.ts'
import type { RegistrationFile } from './registration-file.ts'

export interface Making {
  readonly keys: Subkeys
  readonly hashing: HashingQueue
  readonly newId: (prefix: IdPrefix) => string
  readonly now: number
}

export interface Made<T> {
  readonly record: T
  readonly fileText: string
}

const registrationLife = 24 * 3600

export async function makeAgentSecret(
  making: Making,
  agent: Pick<Agent, 'id' | 'orgId'>,
): Promise<Made<Credential>> {
  const secret = newSecret('agent_secret')
  const record: Credential = {
    id: making.newId('crd'),
    orgId: agent.orgId,
    agentId: agent.id,
    kind: 'secret',
    secretHash: kept(making, secret),
    passwordHash: await making.hashing.hash(secret.reveal()),
    recordedStatus: 'active',
    createdAt: making.now,
    version: 1,
  }
  const file = { agent_id: agent.id, credential_id: record.id, secret: secret.reveal() }
  return { record, fileText: textOf(file) }
}

export function makeRegistration(
  making: Making,
  server: { readonly id: string; readonly orgId: string },
  rotatedFrom?: string,
): Made<Registration> {
  const secret = newSecret('registration')
  const record: Registration = {
    id: making.newId('reg'),
    orgId: server.orgId,
    serverId: server.id,
    secretHash: kept(making, secret),
    status: 'pending',
    createdAt: making.now,
    expiresAt: making.now + registrationLife,
    ...(rotatedFrom !== undefined && { rotatedFrom }),
    version: 1,
  }
  const file: RegistrationFile = {
    server_id: server.id,
    credential_id: record.id,
    secret: secret.reveal(),
    private_jwk: generateRegistrationKey().privateJwk,
  }
  return { record, fileText: textOf(file) }
}

const kept = ({ keys }: Making, secret: Secret): string =>
  keyedHash(keys.secrets, secret.reveal()).toString('base64url')

const textOf = (file: object): string => `${JSON.stringify(file, null, 2)}\n`
