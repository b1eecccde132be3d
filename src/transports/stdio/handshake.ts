// What an `initialize` era asks before anything else: until an `initialize` was answered with a result,
// only it and `ping` reach the server. Every other request is refused, every notification passed over.
import { rpcCodes } from '../mcp/rpc-error.ts'
import type { Message } from './message.ts'
import { errorReply } from './message.ts'

export interface Handshake {
  receive(message: Message): void
  /** Must see every answer of the server, once it is sent. */
  answered(message: object): void
}

/** `deliver` takes what may pass, `send` the refusal of what may not. */
export function createHandshake(
  deliver: (message: Message) => void,
  send: (message: object) => void,
): Handshake {
  let done = false
  // The `initialize` that is being answered, and what came after it: only its answer tells what that may.
  let asked: Message | undefined
  let held: Message[] = []

  const receive = (message: Message) => {
    const { id, method } = message
    if (done || (method === 'ping' && asked === undefined)) {
      deliver(message)
    } else if (asked !== undefined) {
      held.push(message)
    } else if (id !== undefined && method === 'initialize') {
      asked = message
      deliver(message)
    } else if (id !== undefined) {
      send(errorReply(id, rpcCodes.invalidRequest, 'Invalid request: initialize comes first'))
    }
  }

  return {
    receive,
    answered(message) {
      const { id, result, error } = message as Answer
      if (asked === undefined || id !== asked.id) return
      // A ping may have had the same id; its answer names no revision.
      if (error === undefined && result?.['protocolVersion'] === undefined) return
      done = error === undefined
      asked = undefined
      const next = held
      held = []
      for (const each of next) receive(each)
    },
  }
}

interface Answer {
  readonly id?: unknown
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: unknown
}
