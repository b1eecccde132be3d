// The door for hosts that open with `initialize`. Loaded only when one does.
import { createLegacyServer } from '../mcp/legacy-server.ts'
import { createChannel } from './channel.ts'
import type { OpenDoor } from './connection.ts'

export const openLegacyDoor: OpenDoor = async (surface, send, log) => {
  const channel = createChannel(send)
  const server = createLegacyServer(surface, log)
  await server.connect(channel)
  return {
    deliver: (message) => channel.onmessage?.(message),
    close: () => server.close(),
  }
}
