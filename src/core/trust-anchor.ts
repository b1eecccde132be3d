// A trust anchor: a certification authority that one organisation believes about those of its agents
// whose credentials name it, and about nobody else.

export interface TrustAnchor {
  readonly id: string
  readonly orgId: string
  readonly name: string
  /** The certificate, DER in base64. */
  readonly certificate: string
  /** Whether a current list of revoked certificates must be at hand, or none is asked for. */
  readonly crl: 'required' | 'none'
  readonly status: 'active' | 'revoked'
  readonly createdAt: number
  readonly createdBy?: string
  readonly createdUnder?: string
  readonly version: number
}
