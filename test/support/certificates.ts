// Certificates of every kind, right and wrong, with the clock and the extensions that a test wants.

import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from '@peculiar/asn1-x509'
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { pemOf } from '../../src/crypto/x509/issue.ts'

export interface Made {
  readonly der: Buffer
  readonly pem: string
  readonly serial: string
  readonly name: string
  readonly privateKey: KeyObject
}

export interface Wanted {
  readonly name?: string
  readonly notBefore: number
  readonly notAfter: number
  readonly by?: Pick<Made, 'name' | 'privateKey'>
  readonly privateKey?: KeyObject
  readonly isCa?: boolean
  readonly pathLength?: number
  readonly usage?: number | undefined
  readonly extended?: readonly string[] | undefined
  readonly uris?: readonly string[]
  readonly extra?: readonly (readonly [id: string, critical: boolean])[]
  readonly version?: number
  readonly algorithm?: string
}

export const clientAuth = '1.3.6.1.5.5.7.3.2'
export const serverAuth = '1.3.6.1.5.5.7.3.1'
const ecdsaSha256 = '1.2.840.10045.4.3.2'

export const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** A certificate for what is wanted; by default for a client, signed by itself where nobody else is named. */
export function certify(wanted: Wanted): Made {
  const { name = 'someone', isCa = false, privateKey = ecKey(), algorithm = ecdsaSha256 } = wanted
  const { by = { name, privateKey }, version = 2 } = wanted
  const usage = 'usage' in wanted ? wanted.usage : usageOf(isCa)
  const extended = 'extended' in wanted ? wanted.extended : isCa ? undefined : [clientAuth]
  const serial = Buffer.concat([Buffer.from([0x41]), randomBytes(8)])
  const constraints = new BasicConstraints({
    cA: isCa,
    ...(wanted.pathLength !== undefined && { pathLenConstraint: wanted.pathLength }),
  })
  const names = (wanted.uris ?? []).map(
    (uri) => new GeneralName({ uniformResourceIdentifier: uri }),
  )
  const extensions = [
    extension('2.5.29.19', constraints, true),
    ...(usage === undefined ? [] : [extension('2.5.29.15', new KeyUsage(usage), true)]),
    ...(extended ? [extension('2.5.29.37', new ExtendedKeyUsage([...extended]))] : []),
    ...(names.length > 0 ? [extension('2.5.29.17', new SubjectAlternativeName(names))] : []),
    ...(wanted.extra ?? []).map(([id, critical]) =>
      extension(id, new BasicConstraints(), critical),
    ),
  ]
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const tbs = new TBSCertificate({
    version,
    serialNumber: bytesOf(serial),
    signature: new AlgorithmIdentifier({ algorithm }),
    issuer: nameOf(by.name),
    validity: new Validity({
      notBefore: new Date(wanted.notBefore * 1000),
      notAfter: new Date(wanted.notAfter * 1000),
    }),
    subject: nameOf(name),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    ...(version === 2 && { extensions: new Extensions(extensions) }),
  })
  const hash = algorithm === '1.2.840.10045.4.1' ? 'sha1' : 'sha256'
  const signature = sign(hash, Buffer.from(AsnConvert.serialize(tbs)), by.privateKey)
  const der = Buffer.from(
    AsnConvert.serialize(
      new Certificate({
        tbsCertificate: tbs,
        signatureAlgorithm: new AlgorithmIdentifier({ algorithm }),
        signatureValue: bytesOf(signature),
      }),
    ),
  )
  return { der, pem: pemOf('CERTIFICATE', der), serial: serial.toString('hex'), name, privateKey }
}

const usageOf = (isCa: boolean): number =>
  isCa ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature

const nameOf = (text: string): Name =>
  new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: '2.5.4.3',
        value: new AttributeValue({ utf8String: text }),
      }),
    ]),
  ])

const extension = (extnID: string, value: object, critical = false): Extension =>
  new Extension({
    extnID,
    critical,
    extnValue: new OctetString(bytesOf(Buffer.from(AsnConvert.serialize(value)))),
  })

const bytesOf = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer
