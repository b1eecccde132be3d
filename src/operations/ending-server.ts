// The end of an MCP server: its registrations, its key and its standing, whoever asks for it. Its name is not
// given away again.

import type { LiveState } from '../authority/live.ts'
import { revocationKey } from '../core/revocation.ts'
import type { McpServer } from '../core/state.ts'
import { insertRevocation } from '../store/revocations.ts'
import { putRegistration, putServer } from '../store/servers.ts'
import type { Write } from '../store/store.ts'

/** When a server that is revoked already was; that stays as it is. */
export function revokedAt({ id, status }: McpServer, live: LiveState): number | undefined {
  if (status !== 'revoked') return undefined
  return live.revocations(revocationKey('server', id)).at(-1)?.at ?? 0
}

export function endServer(server: McpServer, cause: string, live: LiveState, at: number): Write[] {
  const registrations = [...live.registrations.values()].filter(
    ({ serverId, status }) => serverId === server.id && status !== 'revoked',
  )
  return [
    putServer({ ...server, status: 'revoked', recordVersion: server.recordVersion + 1 }),
    ...registrations.map((each) =>
      putRegistration({ ...each, status: 'revoked', version: each.version + 1 }),
    ),
    insertRevocation({
      orgId: server.orgId,
      kind: 'server',
      target: server.id,
      within: [],
      cause,
      at,
    }),
  ]
}
