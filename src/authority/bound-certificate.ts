// A grant that is bound to a client certificate is used over a connection that presents that very one
// (RFC 8705 §3), as long as it may still be believed under the anchor of its credential.

import type { Grant } from '../core/grant.ts'
import { bindingOf } from '../core/binding.ts'
import { flawUnderAnchor, readPath } from './certificates.ts'
import type { CertificateRefusal } from './certificates.ts'
import type { Context } from './context.ts'

/** Why the presented certificate does not prove possession; `undefined` says that it does. */
export function flawOfBound(
  context: Context,
  { binding, credentialId }: Grant,
  presentedChain: readonly Buffer[],
): CertificateRefusal | 'wrong_certificate' | undefined {
  const read = readPath(presentedChain)
  if ('reason' in read) return read.reason
  const { leaf } = read.path
  if (bindingOf({ 'x5t#S256': leaf.thumbprint }) !== binding) return 'wrong_certificate'
  const credential = context.live.credential(credentialId)
  return credential?.anchorId === undefined
    ? undefined
    : flawUnderAnchor(context, credential, read.path)
}
