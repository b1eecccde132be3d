// The door for revision 2026-07-28. The SDK's own stdio entry checks envelopes and revisions, answers
// `server/discover` and keeps subscriptions; it is never asked for the era before, which has its own door.
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createModernServer } from '../mcp/modern-server.ts'
import { createChannel } from './channel.ts'
import type { OpenDoor } from './connection.ts'

export const openModernDoor: OpenDoor = async (surface, send, log) => {
  const channel = createChannel(send)
  const entry = serveStdio(() => createModernServer(surface, log), {
    transport: channel,
    legacy: 'reject',
    onerror: ({ name }) => log.error({ name }, 'the 2026 protocol layer reported an error'),
  })
  return {
    deliver: (message) => channel.onmessage?.(message),
    close: () => entry.close(),
  }
}
