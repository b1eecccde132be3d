// registration.json: what this server proves its registration with. It lies outside the database, so
// that a copied database cannot serve.

import { isId } from '../core/id.ts'
import type { OkpPrivateJwk } from '../crypto/registration-proof.ts'
import { readPrivateFile } from './private-file.ts'

export interface RegistrationFile {
  readonly server_id: string
  readonly credential_id: string
  readonly secret: string
  readonly private_jwk: OkpPrivateJwk
}

export type RegistrationFileRead =
  | { readonly ok: true; readonly file: RegistrationFile }
  /** Completes a sentence that begins with the path. */
  | { readonly ok: false; readonly why: string }

/** Reads the file strictly; says why it cannot be used. */
export function readRegistrationFile(path: string): RegistrationFileRead {
  const read = readPrivateFile(path)
  if (!read.ok) return read
  const untrusted = parseObject(read.text)
  const isRight =
    isText(untrusted['server_id'], (id) => isId('srv', id)) &&
    isText(untrusted['credential_id'], (id) => isId('reg', id)) &&
    isText(untrusted['secret']) &&
    isPrivateJwk(untrusted['private_jwk'])
  if (!isRight) return { ok: false, why: 'is not a registration of this server' }
  return { ok: true, file: untrusted as unknown as RegistrationFile }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) }
  } catch {
    return {}
  }
}

function isPrivateJwk(value: unknown): boolean {
  const { kty, crv, x, d } = { ...(value as object) } as Record<string, unknown>
  return kty === 'OKP' && crv === 'Ed25519' && isText(x) && isText(d)
}

const isText = (value: unknown, fits: (text: string) => boolean = () => true): boolean =>
  typeof value === 'string' && value !== '' && fits(value)
