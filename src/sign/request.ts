// Signs an HTTP request (RFC 9421) with one's own key, or with what one's secret gives: over method, address,
// body and whatever else is asked for, dated and with a nonce.

import { randomUUID } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { serializeInnerList } from 'structured-headers'
import { contentDigest } from '../crypto/content-digest.ts'
import type { HttpRequest } from '../crypto/http-message.ts'
import { signatureBase } from '../crypto/http-signature.ts'
import { requestKeyOf } from '../crypto/request-key.ts'
import { signBase } from '../crypto/signature-algorithms.ts'
import { ownKey } from './own-key.ts'
import type { PrivateJwk } from './own-key.ts'

/** A registered key, or an agent's secret or API key with the id of its credential. */
export type RequestSigner =
  | { readonly privateJwk: PrivateJwk }
  | { readonly secret: string; readonly credentialId: string }

export interface Signing {
  /** The body as it is sent; its digest is covered. */
  readonly body?: string | Buffer
  /** Headers to be covered, in lower case, besides method and address. */
  readonly components?: readonly string[]
  readonly label?: string
  readonly tag?: string
  readonly now?: number
  readonly nonce?: string
  /** Seconds after which the signature is of no more use; at most 300 count. */
  readonly expiresIn?: number
}

/** The headers to add to the request. Throws a `TypeError` where a component is not there. */
export function signRequest(
  signer: RequestSigner,
  request: HttpRequest,
  signing: Signing = {},
): Readonly<Record<string, string>> {
  const { body, components = [], label = 'sig', tag, expiresIn } = signing
  const { now = Math.floor(Date.now() / 1000), nonce = randomUUID() } = signing
  const { key, keyid } = keyOf(signer)
  const hasBody = body !== undefined && body.length > 0
  const digest: Record<string, string> = hasBody ? { 'content-digest': contentDigest(body) } : {}
  const names = ['@method', '@target-uri', ...(hasBody ? ['content-digest'] : []), ...components]
  const covered = [...new Set(names)].map((name) => ({ name }))
  const parameters = new Map<string, string | number>([
    ['created', now],
    ...(expiresIn === undefined ? [] : [['expires', now + expiresIn] as const]),
    ['nonce', nonce],
    ['keyid', keyid],
    ...(tag === undefined ? [] : [['tag', tag] as const]),
  ])
  const items = covered.map(({ name }) => [name, new Map()] as [string, Map<string, never>])
  const input = serializeInnerList([items, parameters])
  const whole = { ...request, headers: { ...request.headers, ...digest } }
  const base = signatureBase(whole, covered, input)
  if (base === undefined) throw new TypeError('The request lacks something that is to be signed.')
  return {
    ...digest,
    'signature-input': `${label}=${input}`,
    signature: `${label}=:${signBase(key, base).toString('base64')}:`,
  }
}

function keyOf(signer: RequestSigner): { readonly key: KeyObject; readonly keyid: string } {
  if ('secret' in signer) return { key: requestKeyOf(signer.secret), keyid: signer.credentialId }
  const { key, thumbprint } = ownKey(signer.privateJwk)
  return { key, keyid: thumbprint }
}
