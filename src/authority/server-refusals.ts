// What MCP servers are told when their registration, proof or token does not hold. Strangers get the same
// words whatever was wrong.

import { Refusal } from '../core/refusal.ts'

export const badServerKey = (): Refusal =>
  new Refusal('invalid_request', {
    message: 'public_jwk is not a public key that a server may register with.',
    remedy: { text: 'Use an Ed25519 key, or P-256 with ES256, without private members.' },
  })

const remedy = {
  text: 'Register with an unredeemed registration credential, or by the key that is bound to it.',
}

/** The same words whatever was wrong. */
export const strangeServer = (finding?: string): Refusal =>
  new Refusal('invalid_client', { remedy, ...(finding !== undefined && { finding }) })

/** For whoever showed something authentic that no longer holds. */
export const deadServer = (message: string, finding?: string): Refusal =>
  new Refusal('invalid_client', { message, remedy, ...(finding !== undefined && { finding }) })
