// One connection: the first message that settles an era (era.ts) keeps it to the end. Only the SDK of an
// era that is spoken is loaded. No state of the connection is ever an identity: each request brings its own.
import type { Log } from '../mcp/rpc-error.ts'
import type { Surface } from '../surface.ts'
import type { Era } from './era.ts'
import { eraOf } from './era.ts'
import type { Message } from './message.ts'

/** An era's server, ready for messages. */
export interface Door {
  deliver(message: Message): void
  close(): Promise<void>
}

export type OpenDoor = (
  surface: Surface,
  send: (message: object) => void,
  log: Log,
) => Promise<Door>

export interface Connection {
  /** Hands a message to its era's server; a promise only where that must first be loaded. */
  receive(message: Message): Promise<void> | undefined
  close(): Promise<void>
}

export function createConnection(...context: Parameters<OpenDoor>): Connection {
  const open: Partial<Record<Era, Door>> = {}
  let settled: Era | undefined

  return {
    receive(message) {
      const { era, settles } = settled ? { era: settled, settles: true } : eraOf(message)
      if (settles) settled = era
      const door = open[era]
      if (door) {
        door.deliver(message)
        return undefined
      }
      return load[era]()
        .then((openDoor) => openDoor(...context))
        .then((opened) => {
          open[era] = opened
          opened.deliver(message)
        })
    },
    async close() {
      for (const door of Object.values(open)) await door.close()
    },
  }
}

const load: Record<Era, () => Promise<OpenDoor>> = {
  legacy: async () => (await import('./legacy-door.ts')).openLegacyDoor,
  modern: async () => (await import('./modern-door.ts')).openModernDoor,
}
