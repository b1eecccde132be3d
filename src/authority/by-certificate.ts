// Callers who come with a TLS client certificate (RFC 8705 §2.1). TLS has proven that they hold its key; whose
// it is and whether it may be believed is judged at every call. Whoever an authority really issued it to is
// told what is wrong with it; anyone else learns nothing.

import { credentialStatus } from '../core/credential.ts'
import type { Credential } from '../core/credential.ts'
import { renewalOf } from '../core/renewal.ts'
import { Refusal } from '../core/refusal.ts'
import type { Certificate } from '../crypto/x509/certificate.ts'
import { recordCertificate } from '../store/agent-keys.ts'
import { refused } from './authenticated.ts'
import type { Authenticated } from './authenticated.ts'
import { byCredential, knownBy } from './by-credential.ts'
import { flawUnderAnchor, isToldBy, readPath } from './certificates.ts'
import type { CertificateRefusal } from './certificates.ts'
import type { Context } from './context.ts'
import { unusable } from './presented.ts'
import type { Presented } from './presented.ts'

type ByCertificate = Extract<Presented, { kind: 'certificate' }>

export async function byCertificate(
  context: Context,
  presented: ByCertificate,
  repeats: boolean,
): Promise<Authenticated> {
  const read = readPath(presented.presentedChain)
  if ('reason' in read) return stranger(read.reason)
  const { leaf } = read.path
  const told = toldBy(context, leaf).filter(
    ({ agentId }) => agentId === (presented.agentId ?? agentId),
  )
  const judged = told.map((each) => ({ each, flaw: flawUnderAnchor(context, each, read.path) }))
  const sound = judged.filter(({ flaw }) => flaw === undefined).map(({ each }) => each)
  const [credential] = sound
  if (credential === undefined) return refusedFor(context, judged)
  if (sound.some(({ agentId }) => agentId !== credential.agentId)) {
    return stranger('certificate_ambiguous')
  }
  await noteCertificate(context, credential, leaf)
  const again = () => byCertificate(context, presented, repeats)
  const warnings = warningsOf(leaf, context.now())
  const answer = await byCredential(context, credential, { repeats, warnings, again })
  if (!answer.ok) return answer
  return { ok: true, caller: { ...answer.caller, certificate: leaf.thumbprint } }
}

/** The credentials that a certificate is told by, those that live first. */
const toldBy = ({ live, now }: Context, leaf: Certificate): readonly Credential[] =>
  [...live.credentials.values()]
    .filter(({ certificateRule: rule }) => rule !== undefined && isToldBy(rule, leaf))
    .map((each) => ({ each, rank: ranks[credentialStatus(each, now())] }))
    .toSorted((a, b) => a.rank - b.rank || (a.each.id < b.each.id ? 1 : -1))
    .map(({ each }) => each)

const ranks = { active: 0, retiring: 1, retired: 2, revoked: 3 } as const

/** What shows that the authority did issue it, and only its time or its standing is over. */
const issued: ReadonlySet<CertificateRefusal> = new Set([
  'certificate_not_for_clients',
  'certificate_key_usage',
  'certificate_not_yet_valid',
  'certificate_expired',
  'certificate_revoked',
  'issuer_expired',
  'issuer_not_yet_valid',
  'issuer_revoked',
  'crl_missing',
  'crl_stale',
])

function refusedFor(
  { live }: Context,
  judged: readonly { readonly each: Credential; readonly flaw: CertificateRefusal | undefined }[],
): Authenticated {
  const dead = judged.find(({ flaw }) => flaw !== undefined && issued.has(flaw))
  const agent = dead && live.agent(dead.each.agentId)
  if (dead?.flaw === undefined || agent === undefined) {
    return stranger(judged[0]?.flaw ?? 'certificate_unknown')
  }
  return refused(deadCertificate(dead.flaw), knownBy(agent, dead.each))
}

export const deadCertificate = (reason: CertificateRefusal): Refusal =>
  new Refusal('invalid_client', {
    message: `The client certificate is refused: ${reason}.`,
    remedy: { text: 'Present a current certificate of the authority that the credential names.' },
    reason,
  })

const stranger = (reason: CertificateRefusal): Authenticated =>
  refused(new Refusal('invalid_client', { ...unusable().detail, reason }))

const noted = new WeakMap<Context, Map<string, string>>()

/** So that whoever looks after the agent can be reminded; once for each certificate and process. */
async function noteCertificate(context: Context, { id }: Credential, leaf: Certificate) {
  const known = noted.get(context) ?? new Map<string, string>()
  noted.set(context, known)
  const { thumbprint, notBefore, notAfter } = leaf
  if (known.get(id) === thumbprint) return
  const seen = { credentialId: id, thumbprint, notBefore, notAfter }
  await context.committer.submit({ writes: [recordCertificate(seen, context.now())], events: [] })
  known.set(id, thumbprint)
}

const warningsOf = (leaf: Certificate, now: number): readonly string[] =>
  renewalOf(leaf) > now
    ? []
    : [`The client certificate ends at ${new Date(leaf.notAfter * 1000).toISOString()}: renew it.`]
