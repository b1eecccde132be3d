// Which certification authorities, and which of their lists of revoked certificates, end soon or have ended:
// without either, certificates under them are refused.

import { readFileSync } from 'node:fs'
import type { TrustAnchor } from '../core/trust-anchor.ts'
import { renewalOf } from '../core/renewal.ts'
import { readCertificate } from '../crypto/x509/certificate.ts'
import type { Certificate } from '../crypto/x509/certificate.ts'
import { readRevocationList } from '../crypto/x509/revocation-list.ts'
import type { RevocationList } from '../crypto/x509/revocation-list.ts'
import { timeOf } from './due-credentials.ts'
import type { Looked } from './due-credentials.ts'
import { ok, problem, warning } from './finding.ts'
import type { Finding } from './finding.ts'

const ahead = 30 * 86_400
const about = 'trust anchors'

/** Nothing where no authority is registered, since then no list is needed either. */
export function dueAnchors({ live, now }: Looked, crlFiles: readonly string[]): Finding[] {
  const anchors = [...live.trustAnchors.values()].filter(({ status }) => status === 'active')
  if (anchors.length === 0) return []
  const files = crlFiles.map((path) => ({ path, list: listIn(path) }))
  const lists = files.flatMap(({ list }) => list ?? [])
  const found = [
    ...anchors.flatMap((anchor) => remarksOnAnchor(anchor, lists, now)),
    ...files.flatMap(({ path, list }) =>
      list === undefined ? [] : remarksOnList(path, list, lists, now),
    ),
  ]
  return found.length > 0
    ? found
    : [ok(about, 'none ends within 30 days, and their lists are current')]
}

function remarksOnAnchor(
  { name, certificate, crl }: TrustAnchor,
  lists: readonly RevocationList[],
  now: number,
): Finding[] {
  const read = readCertificate(Buffer.from(certificate, 'base64'))
  if (!read.ok) return [problem(about, `${name}: ${read.reason}`)]
  const { notAfter } = read.certificate
  const end = timeOf(notAfter)
  return [
    ...(notAfter <= now
      ? [problem(about, `${name} ended at ${end}; register its successor`)]
      : notAfter <= now + ahead
        ? [warning(about, `${name} ends at ${end}; register its successor in time`)]
        : []),
    ...(crl === 'required' && !lists.some((list) => isOf(list, read.certificate))
      ? [problem(about, `${name} has no list of revoked certificates in REMIT_CRL_FILES`)]
      : []),
  ]
}

/** Only of the list that ends last of its authority: that one decides. */
function remarksOnList(
  path: string,
  { issuerDer, thisUpdate: notBefore, nextUpdate: notAfter }: RevocationList,
  lists: readonly RevocationList[],
  now: number,
): Finding[] {
  const isLast = lists.every((one) => one.issuerDer !== issuerDer || one.nextUpdate <= notAfter)
  if (!isLast) return []
  const end = timeOf(notAfter)
  if (notAfter <= now) return [problem(about, `${path} ended at ${end}; get the next one`)]
  return renewalOf({ notBefore, notAfter }) <= now
    ? [warning(about, `${path} is due for its successor: it ends at ${end}`)]
    : []
}

const isOf = (list: RevocationList, authority: Certificate): boolean =>
  list.issuerDer === authority.subjectDer && list.isSignedBy(authority)

function listIn(path: string): RevocationList | undefined {
  try {
    const result = readRevocationList(readFileSync(path))
    return result.ok ? result.list : undefined
  } catch {
    return undefined
  }
}
