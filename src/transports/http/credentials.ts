// What an HTTP request presents in its Authorization header or by its TLS certificate: one source, not yet
// verified. Whatever is there and cannot be used is refused, never skipped (authority: rule 8).

import type { IncomingMessage } from 'node:http'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { OverHttp, Presented } from '../../authority/presented.ts'

const longest = 64 * 1024

/** `undefined` where a request presents nothing at all. */
export function presentedInHeaders(
  incoming: IncomingMessage,
  urlOf: () => string,
): Presented | undefined {
  const presentedChain = certificatesOf(incoming)
  const values = allOf(incoming, 'authorization')
  const proofs = allOf(incoming, 'dpop')
  if (values.length === 0 && proofs.length === 0) {
    return presentedChain && { kind: 'certificate', presentedChain }
  }
  const [value = '', second] = values
  if (second !== undefined || proofs.length > 1) return unusable
  const [, name = '', presentedToken = ''] =
    /^([A-Za-z]+) +([A-Za-z0-9._~+/-]+=*)$/.exec(value) ?? []
  const scheme = schemes.get(name.toLowerCase())
  const [presentedProof] = proofs
  if (scheme === undefined || value.length > longest || presentedProof === '') return unusable
  // RFC 9449 §7.1: the scheme promises a proof.
  if (scheme === 'DPoP' && presentedProof === undefined) return unusable
  if (presentedToken.startsWith('rmt_srv_')) {
    if (scheme === 'DPoP' || proofs.length > 0) return unusable
    return { kind: 'management_token', presentedSecret: presentedToken }
  }
  const over: OverHttp = {
    scheme,
    method: incoming.method ?? '',
    url: urlOf(),
    ...(presentedChain !== undefined && { presentedChain }),
  }
  return {
    kind: 'token',
    presentedToken,
    ...(presentedProof !== undefined && { presentedProof }),
    over,
  }
}

const unusable: Presented = { kind: 'unusable' }
const schemes = new Map<string, OverHttp['scheme']>([
  ['bearer', 'Bearer'],
  ['dpop', 'DPoP'],
])

/** Every value of a header: Node's own record keeps only the first of some. */
function allOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}

/** The client's certificates in DER, its own first; `undefined` where TLS or a certificate is missing. */
export function certificatesOf({ socket }: IncomingMessage): readonly Buffer[] | undefined {
  if (!('getPeerCertificate' in socket)) return undefined
  const chain: Buffer[] = []
  let next: DetailedPeerCertificate | undefined = (socket as TLSSocket).getPeerCertificate(true)
  while (next?.raw !== undefined && !chain.some((known) => known.equals(next?.raw as Buffer))) {
    chain.push(next.raw)
    next = next.issuerCertificate
  }
  return chain.length === 0 ? undefined : chain
}
