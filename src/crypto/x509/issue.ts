// What the embedded authority makes: its own certificate, short-lived ones for agents, and the list of those
// that it revoked (RFC 5280 §4, §5). Keys and times are arguments; nothing is kept here.

import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificateList,
  CRLNumber,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_cRLNumber,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  RevokedCertificate,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  TBSCertList,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import { createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** An authority and its P-256 key. */
export interface Authority {
  readonly certificate: Buffer
  readonly privateKey: KeyObject
}

interface Span {
  readonly notBefore: number
  readonly notAfter: number
}

/** The self-signed certificate of an authority that issues to agents directly, in DER. */
export function makeAuthority(
  wanted: Span & { readonly name: string; readonly privateKey: KeyObject },
): Buffer {
  const { name, privateKey } = wanted
  const publicKey = createPublicKey(privateKey)
  const subject = commonName(name)
  return signedCertificate(privateKey, {
    ...wanted,
    issuer: subject,
    subject,
    publicKey,
    extensions: [
      extension(
        id_ce_basicConstraints,
        new BasicConstraints({ cA: true, pathLenConstraint: 0 }),
        true,
      ),
      extension(id_ce_keyUsage, usage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), true),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId(publicKey))),
    ],
  })
}

/** A certificate for client authentication that says one URI, in DER. */
export function issueCertificate(
  { certificate, privateKey }: Authority,
  wanted: Span & { readonly name: string; readonly uri: string; readonly publicKey: KeyObject },
): Buffer {
  const { name, uri } = wanted
  return signedCertificate(privateKey, {
    ...wanted,
    issuer: AsnConvert.parse(certificate, Certificate).tbsCertificate.subject,
    subject: commonName(name),
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints(), true),
      extension(id_ce_keyUsage, usage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_clientAuth])),
      extension(
        id_ce_subjectAltName,
        new SubjectAlternativeName([new GeneralName({ uniformResourceIdentifier: uri })]),
      ),
      issuedBy(privateKey),
    ],
  })
}

export interface Revoked {
  /** In hexadecimal. */
  readonly serial: string
  readonly at: number
}

/** The list of what an authority revoked, good until `nextUpdate`, in DER. */
export function makeRevocationList(
  { certificate, privateKey }: Authority,
  list: {
    readonly number: number
    readonly thisUpdate: number
    readonly nextUpdate: number
    readonly revoked: readonly Revoked[]
  },
): Buffer {
  const entries = list.revoked.map(
    ({ serial, at }) =>
      new RevokedCertificate({
        userCertificate: bytesOf(Buffer.from(serial, 'hex')),
        revocationDate: timeOf(at),
      }),
  )
  const tbs = new TBSCertList({
    version: Version.v2,
    signature: algorithm(),
    issuer: AsnConvert.parse(certificate, Certificate).tbsCertificate.subject,
    thisUpdate: timeOf(list.thisUpdate),
    nextUpdate: timeOf(list.nextUpdate),
    ...(entries.length > 0 && { revokedCertificates: entries }),
    crlExtensions: [issuedBy(privateKey), extension(id_ce_cRLNumber, new CRLNumber(list.number))],
  })
  const signature = signed(privateKey, tbs)
  return derOf(
    new CertificateList({ tbsCertList: tbs, signatureAlgorithm: algorithm(), signature }),
  )
}

export const pemOf = (label: 'CERTIFICATE' | 'X509 CRL', der: Buffer): string => {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function signedCertificate(
  privateKey: KeyObject,
  {
    issuer,
    subject,
    publicKey,
    notBefore,
    notAfter,
    extensions,
  }: Span & {
    readonly issuer: Name
    readonly subject: Name
    readonly publicKey: KeyObject
    readonly extensions: readonly Extension[]
  },
): Buffer {
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: newSerial(),
    signature: algorithm(),
    issuer,
    validity: new Validity({ notBefore: dateOf(notBefore), notAfter: dateOf(notAfter) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions([...extensions]),
  })
  return derOf(
    new Certificate({
      tbsCertificate: tbs,
      signatureAlgorithm: algorithm(),
      signatureValue: signed(privateKey, tbs),
    }),
  )
}

/** ECDSA with SHA-256, whose parameters are absent (RFC 5758 §3.2). */
const algorithm = (): AlgorithmIdentifier =>
  new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' })

const signed = (privateKey: KeyObject, tbs: TBSCertificate | TBSCertList): ArrayBuffer =>
  bytesOf(sign('sha256', derOf(tbs), privateKey))

const commonName = (text: string): Name =>
  new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: '2.5.4.3',
        value: new AttributeValue({ utf8String: text }),
      }),
    ]),
  ])

const usage = (flags: number): KeyUsage => new KeyUsage(flags)

const issuedBy = (privateKey: KeyObject): Extension =>
  extension(
    id_ce_authorityKeyIdentifier,
    new AuthorityKeyIdentifier({
      keyIdentifier: new KeyIdentifier(keyId(createPublicKey(privateKey))),
    }),
  )

const extension = (extnID: string, value: object, critical = false): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(bytesOf(derOf(value))) })

/** Any octets that tell keys apart will do (RFC 5280 §4.2.1.2). */
const keyId = (publicKey: KeyObject): ArrayBuffer =>
  bytesOf(createHash('sha256').update(spkiOf(publicKey)).digest().subarray(0, 20))

const spkiOf = (publicKey: KeyObject): Buffer => publicKey.export({ format: 'der', type: 'spki' })

/** 126 random bits; neither negative nor beginning with a zero octet, so that it has one spelling. */
function newSerial(): ArrayBuffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytesOf(bytes)
}

const timeOf = (seconds: number): Time => new Time(dateOf(seconds))
const dateOf = (seconds: number): Date => new Date(seconds * 1000)
const derOf = (value: object): Buffer => Buffer.from(AsnConvert.serialize(value))

const bytesOf = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer
