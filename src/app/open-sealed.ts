// What `remit open` does on the recipient's side: with a private key from a file, and without a store.

import type { OpenAsked, OpenedText } from '../cli/host.ts'
import { readPrivateFile, writePrivateFile } from '../authority/private-file.ts'
import { Refusal } from '../core/refusal.ts'
import { openDelivery } from '../sign/open-delivery.ts'
import type { OpenFlaw } from '../sign/open-delivery.ts'

/** Opens it, and writes it to the file asked for; refuses as `invalid_request` what cannot be believed. */
export async function openSealed(asked: OpenAsked): Promise<OpenedText> {
  const opened = await openDelivery({ ...asked, privateJwk: privateJwkIn(asked.keyFile) })
  if (!opened.ok) throw invalid(messages[opened.reason])
  const { about, expiresAt, token, credential } = opened
  const text = token ?? `${JSON.stringify(credential, null, 2)}\n`
  if (asked.out !== undefined) write(asked.out, text)
  return { about, expiresAt, text }
}

function privateJwkIn(path: string): Readonly<Record<string, unknown>> {
  const file = readPrivateFile(path)
  if (!file.ok) throw invalid(`--key: ${path} ${file.why}.`)
  try {
    const kept: unknown = JSON.parse(file.text)
    if (typeof kept === 'object' && kept !== null) return { ...sealingKeyIn(kept) }
  } catch {
    // Said below, without what the file holds.
  }
  throw invalid(`--key: ${path} holds no JWK.`)
}

/** The JWK itself, or a file that `remit keygen --encryption` wrote. */
const sealingKeyIn = (kept: object): object =>
  'private_encryption_jwk' in kept ? Object(kept.private_encryption_jwk) : kept

function write(path: string, text: string): void {
  try {
    writePrivateFile(path, text)
  } catch (error) {
    const exists = (error as { code?: unknown }).code === 'EEXIST'
    throw invalid(`--out: ${path} ${exists ? 'exists already' : 'cannot be written'}.`)
  }
}

const messages: Readonly<Record<OpenFlaw, string>> = {
  not_a_private_key: '--key holds no private key that something can be sealed to.',
  malformed: 'This is nothing that a Remit sealed.',
  header_not_allowed: 'This is nothing that a Remit sealed for such a key.',
  for_another_key: 'It was sealed to another key.',
  does_not_open: 'It does not open with this key.',
  not_signed_by_the_issuer: 'The issuer did not sign what is in it.',
  for_another_recipient: 'The issuer sealed it for another recipient.',
  expired: 'Its time is over.',
}

const invalid = (message: string): Refusal => new Refusal('invalid_request', { message })
