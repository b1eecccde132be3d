// A list of revoked certificates (RFC 5280 §5): whole, current and signed by the authority that it is of, or
// it says nothing.

import { AsnConvert } from '@peculiar/asn1-schema'
import { CertificateList, id_ce_authorityKeyIdentifier, id_ce_cRLNumber } from '@peculiar/asn1-x509'
import { verify } from 'node:crypto'

import type { Certificate } from './certificate.ts'
import { secondsOf } from './certificate.ts'
import { hashOf, isSoundSignature } from './signature.ts'

export interface RevocationList {
  readonly issuerDer: string
  readonly thisUpdate: number
  readonly nextUpdate: number
  /** Serials of what is revoked, or on hold. */
  readonly revoked: ReadonlySet<string>
  isSignedBy(authority: Certificate): boolean
}

export type ListFlaw =
  | 'crl_malformed'
  | 'crl_weak_signature'
  | 'crl_critical_extension'
  | 'crl_without_end'

export type ListResult =
  | { readonly ok: true; readonly list: RevocationList }
  | { readonly ok: false; readonly reason: ListFlaw }

/** Reads a list in DER or PEM. Deltas and lists for others say so by critical extensions, and are refused. */
export function readRevocationList(bytes: Buffer): ListResult {
  try {
    const der = derOf(bytes)
    const asn = AsnConvert.parse(der, CertificateList)
    if (!Buffer.from(AsnConvert.serialize(asn)).equals(der)) return refused('crl_malformed')
    const { tbsCertList: tbs, signatureAlgorithm, signature } = asn
    const entries = tbs.revokedCertificates ?? []
    const extensions = [tbs, ...entries].flatMap((each) =>
      'crlExtensions' in each ? (each.crlExtensions ?? []) : [],
    )
    const inEntries = entries.flatMap(({ crlEntryExtensions = [] }) => crlEntryExtensions)
    if ([...extensions, ...inEntries].some((each) => each.critical && !known.has(each.extnID))) {
      return refused('crl_critical_extension')
    }
    if (!isSoundSignature(signatureAlgorithm) || !signatureAlgorithm.isEqual(tbs.signature)) {
      return refused('crl_weak_signature')
    }
    if (tbs.nextUpdate === undefined) return refused('crl_without_end')
    const signed = Buffer.from(asn.tbsCertListRaw ?? AsnConvert.serialize(tbs))
    const list: RevocationList = {
      issuerDer: Buffer.from(AsnConvert.serialize(tbs.issuer)).toString('base64'),
      thisUpdate: secondsOf(tbs.thisUpdate.getTime()),
      nextUpdate: secondsOf(tbs.nextUpdate.getTime()),
      revoked: new Set(entries.map((each) => Buffer.from(each.userCertificate).toString('hex'))),
      isSignedBy: ({ publicKey, keyUsage }) =>
        (keyUsage === undefined || keyUsage.includes('crlSign')) &&
        verify(hashOf(signatureAlgorithm), signed, publicKey, Buffer.from(signature)),
    }
    return { ok: true, list }
  } catch {
    return refused('crl_malformed')
  }
}

function derOf(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  if (!text.includes('-----BEGIN X509 CRL-----')) return bytes
  const [, base64 = ''] =
    /^\s*-----BEGIN X509 CRL-----\s([A-Za-z0-9+/=\s]+)-----END X509 CRL-----\s*$/.exec(text) ?? []
  return Buffer.from(base64, 'base64')
}

const known: ReadonlySet<string> = new Set([id_ce_authorityKeyIdentifier, id_ce_cRLNumber])

const refused = (reason: ListFlaw): ListResult => ({ ok: false, reason })
