// Sealed delivery: our own signed statement (RFC 7515) inside an encryption to one recipient (RFC 7516), so
// that whoever passes it on can neither read it nor put another in its place. One algorithm for content,
// and for the key whatever the recipient's own key is for.

import { CompactEncrypt } from 'jose'
import type { EncryptionKey } from './encryption-key.ts'
import { signOwnJwt } from './own-jwt.ts'
import type { Signer } from './signing-key.ts'

export const sealedType = 'remit-sealed+jwe'
export const deliveryType = 'remit-delivery+jwt'
export const contentEncryption = 'A256GCM'

/** What is delivered, to whom, about what and until when. */
export interface SealedContents {
  readonly iss: string
  /** Agent id of the one recipient. */
  readonly aud: string
  /** The grant of a token, or the credential of a secret. */
  readonly sub: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly token?: string
  /** As a credential file holds it. */
  readonly credential?: Readonly<Record<string, unknown>>
}

/** Signs, then encrypts. The key's thumbprint is signed too: sealed anew for another key it is not ours. */
export function sealDelivery(
  signer: Signer,
  { key, alg, thumbprint, kid = thumbprint }: EncryptionKey,
  contents: SealedContents,
): Promise<string> {
  const signed = signOwnJwt(signer, { ...contents, sealed_to: thumbprint })
  return new CompactEncrypt(Buffer.from(signed))
    .setProtectedHeader({ alg, enc: contentEncryption, typ: sealedType, cty: deliveryType, kid })
    .encrypt(key)
}
