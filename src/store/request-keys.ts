// The keys that secrets sign requests with, each sealed for its credential, which authenticates the row.

import { text } from './row.ts'
import type { Read, Write } from './store.ts'

export const requestKeyById = (credentialId: string): Read<string> => ({
  sql: `select sealed_key from request_keys where credential_id = $1`,
  values: [credentialId],
  map: (row) => text(row, 'sealed_key'),
})

/** Kept as it was first written; a credential's secret never changes once it was used. */
export const rememberRequestKey = (credentialId: string, sealedKey: string): Write => ({
  sql: `
    insert into request_keys (credential_id, sealed_key) values ($1, $2)
    on conflict (credential_id) do nothing`,
  values: () => [credentialId, sealedKey],
})
