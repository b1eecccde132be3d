// How a credential says which certificates are its agent's: under which anchor, and told by what. A certificate
// that is brought along is judged at once, so that one which could never be believed is not taken.

import * as z from 'zod'
import type { CertificateRule, Credential } from '../core/credential.ts'
import { Refusal } from '../core/refusal.ts'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import { claimMark } from '../store/agent-keys.ts'
import type { Write } from '../store/store.ts'
import { may, unknown } from './may.ts'
import type { Call } from './operation.ts'

export const certificateFields = {
  anchor: z
    .string()
    .max(65_536)
    .optional()
    .describe('Trust anchor that certificates are believed under: its name or PEM.'),
  certificate: z
    .string()
    .max(65_536)
    .optional()
    .describe('Certificate of the agent as PEM: told by its key, also when it is renewed.'),
  san_uri: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, { error: 'must be a URI' })
    .optional()
    .describe('Or: told by this URI in its subject alternative name.'),
  subject_dn: z
    .string()
    .min(3)
    .max(512)
    .optional()
    .describe('Or: told by its whole subject as RFC 4514 writes it. By default: a URI of its own.'),
}

export interface WantedCertificate {
  readonly anchor?: string | undefined
  readonly certificate?: string | undefined
  readonly san_uri?: string | undefined
  readonly subject_dn?: string | undefined
}

export type Certified = Pick<Credential, 'anchorId' | 'certificateRule'>

/** What an `x509` credential is told by; `previous` keeps its anchor where none is named. */
export async function parseCertificate(
  call: Call,
  { id, agentId, kind }: Pick<Credential, 'id' | 'agentId' | 'kind'>,
  wanted: WantedCertificate,
  previous?: Certified,
): Promise<Certified> {
  const { anchor: named, certificate, san_uri, subject_dn } = wanted
  const ways = [certificate, san_uri, subject_dn].filter((way) => way !== undefined)
  if (kind !== 'x509') {
    if (named === undefined && ways.length === 0) return {}
    throw invalid('anchor, certificate, san_uri and subject_dn belong to credentials of kind x509.')
  }
  if (named === undefined && previous === undefined) {
    throw invalid('An x509 credential names the anchor that its certificates are believed under.')
  }
  if (ways.length > 1) throw invalid('Give at most one of certificate, san_uri, subject_dn.')
  const anchor = await anchorMeant(call, named ?? previous?.anchorId ?? '')
  const rule = await ruleFor(call, anchor, wanted, mayName(call, agentId))
  const own = `urn:remit:${call.context.self.storeId}:${agentId}:${id}`
  return { anchorId: anchor.id, certificateRule: rule ?? { by: 'san_uri', value: own } }
}

/**
 * Whether the caller may say which of an authority's names is this agent's. By right of its own credential
 * alone nobody may: it would take the certificates of another, or keep the other from being told by them.
 */
function mayName(call: Call, agentId: string): boolean {
  const agent = call.context.live.agent(agentId)
  return agent === undefined || may(call, `credentials/${agent.name}:create`)
}

async function ruleFor(
  call: Call,
  anchor: TrustAnchor,
  { certificate, san_uri: uri, subject_dn: subject }: WantedCertificate,
  isNaming: boolean,
): Promise<CertificateRule | undefined> {
  if ((uri !== undefined || subject !== undefined) && !isNaming) throw notYours()
  if (uri !== undefined) return { by: 'san_uri', value: uri }
  if (subject !== undefined) return { by: 'subject', value: subject }
  if (certificate === undefined) return undefined
  const { certificateInPem, readCertificate } = await import('../crypto/x509/certificate.ts')
  const { flawOfClient, flawOfPath } = await import('../crypto/x509/path.ts')
  const leaf = readCertificate(certificateInPem(certificate) ?? Buffer.alloc(0))
  const authority = readCertificate(Buffer.from(anchor.certificate, 'base64'))
  if (!leaf.ok) throw badCertificate('certificate', certificate, leaf.reason)
  if (!authority.ok) throw badCertificate('anchor', '', authority.reason)
  const flaw =
    flawOfClient(leaf.certificate, call.now) ??
    flawOfPath(leaf.certificate, {
      anchor: authority.certificate,
      intermediates: [],
      now: call.now,
    })
  // Its intermediates are not at hand here; they are when it is presented.
  if (flaw !== undefined && !(flaw === 'certificate_untrusted' && isNaming)) {
    throw badCertificate('certificate', certificate, flaw)
  }
  return { by: 'key', value: leaf.certificate.keyThumbprint }
}

/** By its name, its id or the certificate itself; those of others are as good as unknown. */
async function anchorMeant(
  { context: { live }, caller }: Call,
  named: string,
): Promise<TrustAnchor> {
  const own = [...live.trustAnchors.values()].filter(({ orgId }) => orgId === caller.orgId)
  const { certificateInPem } = await import('../crypto/x509/certificate.ts')
  const der = certificateInPem(named)?.toString('base64')
  const found = own.find(
    ({ id, name, certificate }) => id === named || name === named || certificate === der,
  )
  if (found === undefined) throw unknown('anchor')
  if (found.status === 'active') return found
  throw new Refusal('conflict', { message: 'That trust anchor is revoked.' })
}

/** What tells a certificate tells it for one credential, for good. */
export function claimRule(
  { id, orgId, agentId, anchorId }: Credential,
  { certificateRule: rule }: Certified,
  now: number,
): readonly Write[] {
  if (rule === undefined) return []
  const mark =
    rule.by === 'key' ? `key:${rule.value}` : `${rule.by}:${anchorId ?? ''}:${rule.value}`
  return [claimMark({ orgId, mark, agentId, credentialId: id }, now)]
}

export function badCertificate(parameter: string, pem: string, reason: string): Refusal {
  const isPrivate = pem.includes('PRIVATE KEY')
  return new Refusal('invalid_request', {
    message: isPrivate
      ? `${parameter} holds a private key; it was kept nowhere.`
      : `${parameter} is refused: ${reason}.`,
    remedy: {
      text: isPrivate
        ? 'That key is exposed now: make a new pair and send only its certificate.'
        : 'Give one certificate as PEM (BEGIN CERTIFICATE).',
    },
    ...(isPrivate && { finding: 'private_key_in_argument' }),
  })
}

const notYours = (): Refusal =>
  new Refusal('insufficient_scope', {
    message: 'Which names of an authority are an agent’s is not for the agent to say.',
    missing: ['credentials:create'],
    remedy: {
      text: 'Bring a certificate that the anchor issued, leave the name out, or ask whoever may add credentials.',
      operation: 'add_credential',
    },
  })

const invalid = (message: string): Refusal => new Refusal('invalid_request', { message })
