// What a client certificate says of one credential: that it is told by the credential's rule, and may be
// believed under the anchor that the credential names. Under any other anchor it says nothing.

import { LRUCache } from 'lru-cache'
import type { CertificateRule, Credential } from '../core/credential.ts'
import { readCertificate } from '../crypto/x509/certificate.ts'
import type { Certificate, CertificateFlaw, CertificateResult } from '../crypto/x509/certificate.ts'
import { flawOfPath } from '../crypto/x509/path.ts'
import type { PathFlaw } from '../crypto/x509/path.ts'
import type { Context } from './context.ts'
import { revocationLists } from './revocation-lists.ts'

export type CertificateRefusal =
  | CertificateFlaw
  | PathFlaw
  | 'no_certificate'
  | 'certificate_unknown'
  | 'certificate_ambiguous'
  | 'anchor_revoked'

/** What a client sent: its own certificate first, then whatever it added, in DER. */
export interface PresentedPath {
  readonly leaf: Certificate
  readonly intermediates: readonly Certificate[]
}

const longestChain = 5

export function readPath(
  presentedChain: readonly Buffer[],
): { readonly path: PresentedPath } | { readonly reason: CertificateRefusal } {
  const [own, ...others] = presentedChain.slice(0, longestChain)
  if (own === undefined) return { reason: 'no_certificate' }
  const leaf = read(own)
  if (!leaf.ok) return { reason: leaf.reason }
  const intermediates = others.flatMap((der) => {
    const result = read(der)
    return result.ok ? result.certificate : []
  })
  return { path: { leaf: leaf.certificate, intermediates } }
}

/** Why a certificate that a credential's rule tells is not believed under its anchor; `undefined` if it is. */
export function flawUnderAnchor(
  context: Context,
  { orgId, anchorId = '' }: Credential,
  { leaf, intermediates }: PresentedPath,
): CertificateRefusal | undefined {
  const anchor = context.live.trustAnchors.get(anchorId)
  if (anchor?.status !== 'active' || anchor.orgId !== orgId) return 'anchor_revoked'
  const certificate = read(Buffer.from(anchor.certificate, 'base64'))
  if (!certificate.ok) return certificate.reason
  return flawOfPath(leaf, {
    anchor: certificate.certificate,
    intermediates,
    now: context.now(),
    ...(anchor.crl === 'required' && { lists: revocationLists(context) }),
  })
}

/** Whether a certificate says what a credential is told by. */
export const isToldBy = ({ by, value }: CertificateRule, leaf: Certificate): boolean =>
  by === 'key'
    ? leaf.keyThumbprint === value
    : by === 'san_uri'
      ? leaf.sanUris.includes(value)
      : leaf.subject === value

/** Certificates by their bytes, so that what they signed need not be verified at every call. */
const known = new LRUCache<string, CertificateResult>({ max: 2000 })

function read(der: Buffer): CertificateResult {
  const key = der.toString('latin1')
  const result = known.get(key) ?? readCertificate(der)
  known.set(key, result)
  return result
}
