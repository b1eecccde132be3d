// The registration of this very server is live state: revoked, the next call of every process is
// `unavailable`, whatever else it presents.

import { Refusal } from '../core/refusal.ts'
import type { Context } from './context.ts'

/** Refuses every call while this server is not registered. */
export function assertRegistered({ live, self }: Context): void {
  if (live.server(self.serverId)?.status === 'active') return
  throw new Refusal('unavailable', {
    message: 'This server is not registered.',
    remedy: {
      text: 'The operator should run `remit init --recover` on the host and start it again.',
    },
  })
}
