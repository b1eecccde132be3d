// The door for hosts that open with `initialize`. Loaded only when one does.
import { createLegacyServer } from '../mcp/legacy-server.ts'
import { createChannel } from './channel.ts'
import type { OpenDoor } from './connection.ts'
import { createHandshake } from './handshake.ts'

export const openLegacyDoor: OpenDoor = async (surface, send, log) => {
  const handshake = createHandshake((message) => channel.onmessage?.(message), send)
  const channel = createChannel((message) => {
    send(message)
    handshake.answered(message)
  })
  const server = createLegacyServer(surface, log)
  await server.connect(channel)
  return {
    deliver: handshake.receive,
    close: () => server.close(),
  }
}
