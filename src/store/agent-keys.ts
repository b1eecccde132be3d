// What identifies credentials, so that nothing identifies two, and when their certificates were seen.

import { Refusal } from '../core/refusal.ts'
import { number, text } from './row.ts'
import type { Read, Write } from './store.ts'

export interface Mark {
  readonly orgId: string
  /** A key by its thumbprint, or a certificate by what it is told by. */
  readonly mark: string
  readonly agentId: string
  readonly credentialId: string
}

/** Claims a mark for one credential, for ever; `conflict` where it is another's, or was. */
export const claimMark = ({ orgId, mark, agentId, credentialId }: Mark, now: number): Write => ({
  sql: `
    insert into identifying_marks (org_id, mark, agent_id, credential_id, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (org_id, mark) do nothing`,
  values: () => [orgId, mark, agentId, credentialId, now],
  expects: 1,
  otherwise: new Refusal('conflict', {
    message: 'That key or certificate belongs to a credential already, or did once.',
    remedy: { text: 'Make a new key pair; a key belongs to one credential for good.' },
  }),
})

export interface CertificateSighting {
  readonly credentialId: string
  readonly thumbprint: string
  readonly notBefore: number
  readonly notAfter: number
}

/** Remembers the certificate that ends last: an older one in its overlap reminds nobody. */
export const recordCertificate = (seen: CertificateSighting, now: number): Write => ({
  sql: `
    insert into certificate_sightings (credential_id, thumbprint, not_before, not_after, seen_at)
    values ($1, $2, $3, $4, $5)
    on conflict (credential_id) do update
    set thumbprint = excluded.thumbprint, not_before = excluded.not_before,
      not_after = excluded.not_after, seen_at = excluded.seen_at
    where excluded.not_after >= certificate_sightings.not_after`,
  values: () => [seen.credentialId, seen.thumbprint, seen.notBefore, seen.notAfter, now],
})

export const agentCertificates = (agentId: string): Read<CertificateSighting> => ({
  sql: `
    select s.* from certificate_sightings s
    join credentials c on c.id = s.credential_id
    where c.agent_id = $1`,
  values: [agentId],
  map: (row) => ({
    credentialId: text(row, 'credential_id'),
    thumbprint: text(row, 'thumbprint'),
    notBefore: number(row, 'not_before'),
    notAfter: number(row, 'not_after'),
  }),
})
