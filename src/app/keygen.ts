// `remit keygen`: an agent's key pair, made where the agent is. The private part goes into a file of one's own
// before anything is said of the public part, so that no key is registered that nobody has.

import { resolve } from 'node:path'
import { replacePrivateFile, writePrivateFile } from '../authority/private-file.ts'
import type { KeyAsked, MadeKey } from '../cli/host.ts'
import { Refusal } from '../core/refusal.ts'
import { generateEncryptionPair, generateKeyPair, privateJwkOf } from '../crypto/private-jwk.ts'
import type { Asking } from './ask.ts'

/** `open` is asked only where the public part is to be sent. */
export async function makeKey(
  { file, alg, kid, encryption, agent, rotate }: KeyAsked,
  open: () => Promise<{ readonly ask: Asking; readonly close: () => Promise<void> }>,
): Promise<MadeKey> {
  const path = resolve(file)
  const pair = generateKeyPair(alg, kid)
  const sealing = encryption === true ? generateEncryptionPair() : undefined
  const kept = {
    private_jwk: privateJwkOf(pair),
    ...(sealing && { private_encryption_jwk: sealing.privateJwk }),
  }
  const keys = {
    public_jwk: { ...pair.publicJwk },
    ...(sealing && { encryption_jwk: sealing.publicJwk }),
  }
  const made = { file: path, ...keys }
  write(path, kept)
  if (agent === undefined && rotate === undefined) return { ...made, register: registering(keys) }
  const { ask, close } = await open()
  try {
    const { credential_id } =
      rotate === undefined
        ? await ask('add_credential', { agent, kind: 'public_key', ...keys })
        : await ask('rotate_credential', { credential_id: rotate, ...keys })
    const agent_id = await agentOf(ask, agent)
    replacePrivateFile(path, textOf({ agent_id, credential_id, ...kept }))
    return { ...made, agent_id: String(agent_id), credential_id: String(credential_id) }
  } finally {
    await close()
  }
}

/** What is to be asked of the Remit that knows the agent, where that is not this one. */
const registering = (keys: object) => ({
  operation: 'add_credential',
  arguments: { agent: 'AGENT', kind: 'public_key', ...keys },
})

/** A rotation that names no agent is of the caller's own. */
async function agentOf(ask: Asking, agent: string | undefined): Promise<unknown> {
  if (agent !== undefined) return (await ask('get_agent', { agent }))['id']
  const { agent: own } = await ask('whoami', {})
  return (own as { readonly id?: unknown } | undefined)?.id
}

function write(path: string, kept: object): void {
  try {
    writePrivateFile(path, textOf(kept))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    throw new Refusal('conflict', {
      message: `${path} exists; a key is never written over another.`,
      remedy: { text: 'Name a new file with --out.' },
    })
  }
}

const textOf = (kept: object): string => `${JSON.stringify(kept, null, 2)}\n`
