// By which keys an agent's signed requests are verified: those that it registered, and the one that its
// secret gives. A secret's is kept from its first use on, sealed, so that the secret itself need not be.

import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Agent } from '../core/agent.ts'
import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { isId } from '../core/id.ts'
import { requestKeyOf } from '../crypto/request-key.ts'
import { seal, unseal } from '../crypto/seal.ts'
import { rememberRequestKey, requestKeyById } from '../store/request-keys.ts'
import { one } from '../store/store.ts'
import type { Write } from '../store/store.ts'
import { keysOf, maySignBy } from './agent-keys.ts'
import type { Context } from './context.ts'

export interface RequestKey {
  readonly key: KeyObject
  readonly credential: Credential
  readonly agent: Agent
}

/**
 * The keys that a `keyid` stands for in an organisation: a registered key by its RFC 7638 thumbprint, or all
 * of a credential by its id. Only of active agents, by credentials that would still prove them.
 */
export async function requestKeys(
  context: Context,
  orgId: string,
  keyid: string,
): Promise<readonly RequestKey[]> {
  const { live, now } = context
  const found = isId('crd', keyid)
    ? [live.credential(keyid)]
    : [...live.credentials.values()].filter((each) =>
        each.publicKeys?.some(({ thumbprint }) => thumbprint === keyid),
      )
  const keys: RequestKey[] = []
  for (const credential of found) {
    if (credential === undefined || credential.orgId !== orgId) continue
    const agent = live.agent(credential.agentId)
    const status = credentialStatus(credential, now())
    if (agent === undefined || !maySignBy(context, credential)) continue
    if (status !== 'active' && status !== 'retiring') continue
    const own = keysOf(credential).filter(({ thumbprint }) =>
      isId('crd', keyid) ? true : thumbprint === keyid,
    )
    keys.push(...own.map(({ key }) => ({ key, credential, agent })))
    const secret = isId('crd', keyid) ? await secretKey(context, credential) : undefined
    if (secret !== undefined) keys.push({ key: secret, credential, agent })
  }
  return keys
}

async function secretKey(
  { store, keys }: Context,
  { id }: Credential,
): Promise<KeyObject | undefined> {
  const sealed = await one(store.read(requestKeyById(id)))
  const opened = sealed === undefined ? undefined : unseal(keys.seal, sealed, recordOf(id))
  return opened?.ok === true ? createSecretKey(opened.plaintext) : undefined
}

/** Keeps what a secret that was just proven signs requests with. */
export const keepRequestKey = ({ keys }: Context, { id }: Credential, secret: string): Write =>
  rememberRequestKey(id, seal(keys.seal, requestKeyOf(secret).export(), recordOf(id)))

const recordOf = (credentialId: string): string => `request_key/${credentialId}`
