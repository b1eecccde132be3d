// list_trust_anchors: the certification authorities of the organisation, oldest first.

import * as z from 'zod'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import * as field from './fields.ts'
import { defineOperation } from './operation.ts'

export const listTrustAnchors = defineOperation({
  name: 'list_trust_anchors',
  title: 'List trust anchors',
  summary: 'The certification authorities that x509 credentials may name.',
  permission: 'credentials:read',
  needs: () => 'credentials:read',
  effect: 'read',
  spendsUse: false,
  input: z.object({}),
  output: z.object({
    trust_anchors: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        subject: z.string(),
        expires_at: field.time,
        crl: z.enum(['required', 'none']),
        status: z.enum(['active', 'revoked']),
        created_at: field.time,
      }),
    ),
  }),
  handle: async (_, { context, caller }) => {
    const { readCertificate } = await import('../crypto/x509/certificate.ts')
    const trust_anchors = [...context.live.trustAnchors.values()]
      .filter(({ orgId }) => orgId === caller.orgId)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((anchor) => ({ ...recordOf(anchor), ...said(anchor) }))
    return { result: { trust_anchors } }

    function said({ certificate }: TrustAnchor) {
      const read = readCertificate(Buffer.from(certificate, 'base64'))
      if (!read.ok) return { subject: '', expires_at: 0 }
      return { subject: read.certificate.subject, expires_at: read.certificate.notAfter }
    }
  },
})

const recordOf = ({ id, name, crl, status, createdAt }: TrustAnchor) => ({
  id,
  name,
  crl,
  status,
  created_at: createdAt,
})
