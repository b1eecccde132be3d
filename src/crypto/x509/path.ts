// Whether a client's certificate may be believed under one trust anchor (RFC 5280 §6), as strictly as TLS
// clients need: every certificate of the path is within its time, issued by the next one, which may issue, by
// a sound signature; the first is for client authentication; none is revoked. Each "no" has its own reason.

import type { Certificate } from './certificate.ts'
import type { RevocationList } from './revocation-list.ts'

export type PathFlaw =
  | 'certificate_is_an_authority'
  | 'certificate_not_for_clients'
  | 'certificate_key_usage'
  | 'certificate_not_yet_valid'
  | 'certificate_expired'
  | 'certificate_untrusted'
  | 'issuer_is_no_authority'
  | 'issuer_key_usage'
  | 'issuer_not_for_clients'
  | 'issuer_not_yet_valid'
  | 'issuer_expired'
  | 'path_too_long'
  | 'crl_missing'
  | 'crl_stale'
  | 'certificate_revoked'
  | 'issuer_revoked'

export interface PathOptions {
  readonly anchor: Certificate
  /** What the client sent beside its certificate; used only where it fits. */
  readonly intermediates: readonly Certificate[]
  readonly now: number
  /** Every list at hand; absent where this anchor's certificates are not asked about. */
  readonly lists?: readonly RevocationList[]
}

const clientAuth = '1.3.6.1.5.5.7.3.2'
const mostIntermediates = 3

/**
 * The reason why not; `undefined` says that it may be believed. That the anchor really stands behind it is
 * asked first: every other reason is told to its holder, so nobody may come to one by what he made himself.
 */
export function flawOfPath(leaf: Certificate, options: PathOptions): PathFlaw | undefined {
  const { anchor, intermediates, now, lists } = options
  if (leaf.isCa) return 'certificate_is_an_authority'
  const issuers = pathTo(anchor, leaf, intermediates)
  if (issuers === undefined) return 'certificate_untrusted'
  return (
    firstFlaw(issuers, flawOfIssuer) ??
    flawOfClient(leaf, now) ??
    firstFlaw(issuers, (issuer) => flawOfTime(issuer, now)) ??
    (lists && flawOfRevocation([leaf, ...issuers], lists, now))
  )
}

/** What is wrong with a client's certificate whoever issued it. */
export function flawOfClient(leaf: Certificate, now: number): PathFlaw | undefined {
  if (leaf.isCa) return 'certificate_is_an_authority'
  if (leaf.extendedKeyUsage?.includes(clientAuth) !== true) return 'certificate_not_for_clients'
  if (leaf.keyUsage?.includes('digitalSignature') === false) return 'certificate_key_usage'
  if (now < leaf.notBefore) return 'certificate_not_yet_valid'
  return leaf.notAfter <= now ? 'certificate_expired' : undefined
}

const firstFlaw = (
  issuers: readonly Certificate[],
  flawOf: (issuer: Certificate, below: number) => PathFlaw | undefined,
): PathFlaw | undefined => issuers.map(flawOf).find((flaw) => flaw !== undefined)

/** The issuers from the leaf's own to the anchor, each proven by its signature on the one before. */
function pathTo(
  anchor: Certificate,
  leaf: Certificate,
  intermediates: readonly Certificate[],
): readonly Certificate[] | undefined {
  const issuers: Certificate[] = []
  let last = leaf
  while (issuers.length <= mostIntermediates) {
    if (isIssuedBy(last, anchor)) return [...issuers, anchor]
    const next = intermediates.find((each) => !issuers.includes(each) && isIssuedBy(last, each))
    if (next === undefined) return undefined
    issuers.push(next)
    last = next
  }
  return undefined
}

const isIssuedBy = (certificate: Certificate, issuer: Certificate): boolean =>
  certificate.issuerDer === issuer.subjectDer && certificate.isSignedBy(issuer.publicKey)

/** `below` counts the authorities between this one and the leaf. */
function flawOfIssuer(
  { isCa, pathLength, keyUsage, extendedKeyUsage }: Certificate,
  below: number,
): PathFlaw | undefined {
  if (!isCa) return 'issuer_is_no_authority'
  if (keyUsage?.includes('keyCertSign') === false) return 'issuer_key_usage'
  if (extendedKeyUsage?.includes(clientAuth) === false) return 'issuer_not_for_clients'
  return pathLength !== undefined && below > pathLength ? 'path_too_long' : undefined
}

function flawOfTime({ notBefore, notAfter }: Certificate, now: number): PathFlaw | undefined {
  if (now < notBefore) return 'issuer_not_yet_valid'
  return notAfter <= now ? 'issuer_expired' : undefined
}

/** Each certificate below the anchor is looked up in a current list of the one that issued it. */
function flawOfRevocation(
  path: readonly Certificate[],
  lists: readonly RevocationList[],
  now: number,
): PathFlaw | undefined {
  for (const [i, issuer] of path.entries()) {
    const certificate = path[i - 1]
    if (certificate === undefined) continue
    const own = lists.filter(
      (list) => list.issuerDer === issuer.subjectDer && list.isSignedBy(issuer),
    )
    if (own.length === 0) return 'crl_missing'
    // Whatever any of them revokes is revoked, a stale one's word included.
    if (own.some(({ revoked }) => revoked.has(certificate.serial))) {
      return i === 1 ? 'certificate_revoked' : 'issuer_revoked'
    }
    if (!own.some((list) => list.thisUpdate <= now + 60 && now < list.nextUpdate))
      return 'crl_stale'
  }
  return undefined
}
