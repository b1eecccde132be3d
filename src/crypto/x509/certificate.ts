// A certificate of somebody else, read once (RFC 5280 §4): in its one spelling, every extension once, and
// nothing critical that is not understood here. Whether it may be believed is said in path.ts.

import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate as AsnCertificate,
  ExtendedKeyUsage,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  KeyUsage,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'
import type { Extension } from '@peculiar/asn1-x509'
import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { sha256 } from '../keyed-hash.ts'
import { checkPublicJwk } from '../public-key.ts'
import { nameText } from './name.ts'
import { isSoundSignature } from './signature.ts'

export interface Certificate {
  readonly der: Buffer
  /** `x5t#S256` (RFC 8705 §3.1). */
  readonly thumbprint: string
  /** RFC 7638 thumbprint of its public key. */
  readonly keyThumbprint: string
  readonly publicKey: KeyObject
  /** Both names in DER, to be compared byte by byte. */
  readonly subjectDer: string
  readonly issuerDer: string
  /** As RFC 4514 writes it. */
  readonly subject: string
  readonly sanUris: readonly string[]
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
  readonly isCa: boolean
  readonly pathLength?: number
  /** Absent where it does not say. */
  readonly keyUsage?: readonly string[]
  readonly extendedKeyUsage?: readonly string[]
  /** Whether another certificate's key signed it; names are compared apart. */
  isSignedBy(issuerKey: KeyObject): boolean
}

export type CertificateFlaw =
  | 'certificate_malformed'
  | 'certificate_version'
  | 'certificate_weak_key'
  | 'certificate_weak_signature'
  | 'certificate_extension_twice'
  | 'certificate_critical_extension'
  | 'certificate_name_constraints'

export type CertificateResult =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly reason: CertificateFlaw }

const longest = 16 * 1024

export function readCertificate(der: Buffer): CertificateResult {
  if (der.length > longest) return refused('certificate_malformed')
  try {
    const asn = AsnConvert.parse(der, AsnCertificate)
    // DER has one spelling; another would be read differently by somebody.
    if (!Buffer.from(AsnConvert.serialize(asn)).equals(der)) return refused('certificate_malformed')
    return judged(der, asn)
  } catch {
    return refused('certificate_malformed')
  }
}

/** The first certificate of a PEM text with nothing else in it, as DER. */
export function certificateInPem(pem: string): Buffer | undefined {
  const [, base64] = pemShape.exec(pem) ?? []
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

const pemShape =
  /^\s*-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/]{1,76}={0,2}\r?\n)+)-----END CERTIFICATE-----\s*$/

function judged(der: Buffer, asn: AsnCertificate): CertificateResult {
  const { tbsCertificate: tbs, signatureAlgorithm } = asn
  if (tbs.version !== 2) return refused('certificate_version')
  const extensions = [...(tbs.extensions ?? [])]
  const byId = new Map(extensions.map((each) => [each.extnID, each]))
  if (byId.size < extensions.length) return refused('certificate_extension_twice')
  if (byId.has(id_ce_nameConstraints)) return refused('certificate_name_constraints')
  if (extensions.some((each) => each.critical && !understood.has(each.extnID))) {
    return refused('certificate_critical_extension')
  }
  if (!isSoundSignature(signatureAlgorithm) || !signatureAlgorithm.isEqual(tbs.signature)) {
    return refused('certificate_weak_signature')
  }
  const x509 = new X509Certificate(der)
  const key = checkPublicJwk(x509.publicKey.export({ format: 'jwk' }))
  if (!key.ok) return refused('certificate_weak_key')
  const constraints = valueOf(byId.get(id_ce_basicConstraints), BasicConstraints)
  const usage = valueOf(byId.get(id_ce_keyUsage), KeyUsage)
  const extended = valueOf(byId.get(id_ce_extKeyUsage), ExtendedKeyUsage)
  const san = valueOf(byId.get(id_ce_subjectAltName), SubjectAlternativeName)
  const pathLength = constraints?.pathLenConstraint
  const certificate: Certificate = {
    der,
    thumbprint: sha256(der),
    keyThumbprint: key.key.thumbprint,
    publicKey: x509.publicKey,
    subjectDer: Buffer.from(AsnConvert.serialize(tbs.subject)).toString('base64'),
    issuerDer: Buffer.from(AsnConvert.serialize(tbs.issuer)).toString('base64'),
    subject: nameText(tbs.subject),
    sanUris: [...(san ?? [])].flatMap(({ uniformResourceIdentifier: uri }) => uri ?? []),
    serial: Buffer.from(tbs.serialNumber).toString('hex'),
    notBefore: secondsOf(tbs.validity.notBefore.getTime()),
    notAfter: secondsOf(tbs.validity.notAfter.getTime()),
    isCa: constraints?.cA === true,
    ...(pathLength !== undefined && { pathLength }),
    ...(usage !== undefined && { keyUsage: usage.toJSON() }),
    ...(extended !== undefined && { extendedKeyUsage: [...extended] }),
    isSignedBy: (issuerKey) => x509.verify(issuerKey),
  }
  return { ok: true, certificate }
}

const understood: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
])

const valueOf = <T>(extension: Extension | undefined, type: new () => T): T | undefined =>
  extension && AsnConvert.parse(extension.extnValue.buffer, type)

export const secondsOf = (date: Date): number => Math.floor(date.getTime() / 1000)

const refused = (reason: CertificateFlaw): CertificateResult => ({ ok: false, reason })
