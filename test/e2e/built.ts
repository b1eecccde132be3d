// The agents' side as it is packed, `remit-mcp/sign`, and what a real server is asked with it.

import type * as Sign from '../../src/sign.ts'
import { exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import type { Server } from './support.ts'

const built = new URL('../../dist/sign.js', import.meta.url).href
export const sign = (await import(/* @vite-ignore */ built)) as typeof Sign

type PrivateJwk = Sign.PrivateJwk

/** A key pair that jose made. */
export async function jwkPair(alg: string, options: object = {}) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, ...options })
  return { publicJwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) }
}

/** The key set of the server, by its own resource. */
export async function keySetOf(server: Server): Promise<Record<string, JWK[]>> {
  const { contents } = await server.client.readResource({ uri: 'remit://jwks' })
  const [first] = contents
  if (first === undefined || !('text' in first)) throw new Error('The key set has no text.')
  return JSON.parse(first.text) as Record<string, JWK[]>
}

/** The metadata of one call with a bound token: the token, and a proof of this call. */
export async function provenBy(
  privateJwk: JWK,
  audience: string,
  token: string,
  operation: string,
  args: object = {},
) {
  const meta = { 'dev.remit/token': token }
  const call = { audience, operation, arguments: args, meta, of: { token } }
  const proof = await sign.signCallProof(privateJwk as PrivateJwk, call)
  return { ...meta, 'dev.remit/proof': proof }
}
