// The key that an agent's secret or API key signs requests with (`hmac-sha256`): derived, so that both sides
// have it and it says nothing of the secret.

import { createSecretKey, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const info = 'remit/v1/request-signing'

/** RFC 5869 with SHA-256, without salt; 32 bytes. */
export const requestKeyOf = (secret: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', info, 32)))
