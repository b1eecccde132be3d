// register_trust_anchor: a certification authority of the organisation. By itself it lets nobody in: only
// credentials that name it are proven by its certificates.

import * as z from 'zod'
import { Refusal } from '../core/refusal.ts'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import { claimAnchor, putTrustAnchor } from '../store/trust-anchors.ts'
import { badCertificate } from './certificate-material.ts'
import * as field from './fields.ts'
import { requireRootOrCredential } from './may.ts'
import { defineOperation } from './operation.ts'

interface Registered {
  readonly anchor_id: string
  readonly name: string
  readonly subject: string
  readonly expires_at: number
  readonly dry_run?: boolean
}

export const registerTrustAnchor = defineOperation({
  name: 'register_trust_anchor',
  title: 'Register a trust anchor',
  summary: 'Adds a certification authority that x509 credentials may name.',
  permission: 'credentials:create',
  needs: () => 'credentials:create',
  effect: 'write',
  spendsUse: true,
  input: z.object({
    name: field.name.describe('Unique in the organisation for ever.'),
    certificate: z.string().max(65_536).describe('Certificate of the authority as PEM.'),
    crl: z
      .enum(['required', 'none'])
      .optional()
      .describe(
        'Whether a current list of revoked certificates must be at hand; default required.',
      ),
  }),
  output: z.object({
    anchor_id: z.string(),
    name: z.string(),
    subject: z.string(),
    expires_at: field.time,
    dry_run: z.boolean().optional(),
  }),
  handle: async ({ name, certificate: pem, crl = 'required' }, call) => {
    requireRootOrCredential(call)
    const { context, caller, now } = call
    const { live } = context
    const { certificateInPem, readCertificate } = await import('../crypto/x509/certificate.ts')
    const read = readCertificate(certificateInPem(pem) ?? Buffer.alloc(0))
    if (!read.ok) throw badCertificate('certificate', pem, read.reason)
    const { certificate } = read
    if (!certificate.isCa || certificate.keyUsage?.includes('keyCertSign') === false) {
      throw badCertificate('certificate', pem, 'issuer_is_no_authority')
    }
    if (certificate.notAfter <= now) throw badCertificate('certificate', pem, 'issuer_expired')
    const der = certificate.der.toString('base64')
    const own = [...live.trustAnchors.values()].filter(({ orgId }) => orgId === caller.orgId)
    if (own.some((each) => each.name === name || each.certificate === der)) {
      throw new Refusal('conflict', {
        message: 'A trust anchor of that name or with that certificate exists, or did once.',
      })
    }
    const anchor: TrustAnchor = {
      id: context.newId('anc'),
      orgId: caller.orgId,
      name,
      certificate: der,
      crl,
      status: 'active',
      createdAt: now,
      createdBy: caller.agent.id,
      createdUnder: caller.acting.grant.id,
      version: 1,
    }
    const { subject, thumbprint } = certificate
    const result: Registered = {
      anchor_id: anchor.id,
      name,
      subject,
      expires_at: certificate.notAfter,
      ...(call.dryRun && { dry_run: true }),
    }
    return {
      result,
      writes: [claimAnchor(anchor, thumbprint), putTrustAnchor(anchor)],
      target: anchor.id,
      detail: { name, crl, certificate: thumbprint },
    }
  },
})
