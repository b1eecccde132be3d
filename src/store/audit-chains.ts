// The names of all chains that left any trace, so that one whose events, head or checkpoints were
// removed is still looked for.

import { text } from './row.ts'
import type { Read } from './store.ts'

export const auditChains: Read<string> = {
  sql: `
    select chain from audit_events group by chain
    union
    select chain from audit_heads
    union
    select chain from audit_checkpoints
    order by chain`,
  values: [],
  map: (row) => text(row, 'chain'),
}
