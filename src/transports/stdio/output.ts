// The protocol's way out. What is sent in one turn leaves in one write, `backedUp` says when the reader
// is behind, and a reader that is gone ends the output without noise.
import type { Writable } from 'node:stream'
import { rpcCodes } from '../mcp/rpc-error.ts'
import type { RequestId } from './message.ts'
import { errorReply } from './message.ts'

export interface Output {
  send(message: object): void
  /** The reader has not kept up: take in nothing more until `onChange`. */
  readonly backedUp: boolean
  /** Nobody reads any more; what is sent from here on goes nowhere. */
  readonly ended: boolean
  /** Settles when all that was sent has left, or can leave no more. */
  flushed(): Promise<void>
}

/** `onChange` is called whenever `backedUp` or `ended` may have changed. */
export function createOutput(stdout: Writable, onChange: () => void): Output {
  let waiting: string[] = []
  let waitingLength = 0
  let ended = stdout.destroyed

  const write = () => {
    const lines = waiting
    waiting = []
    waitingLength = 0
    if (!ended && lines.length > 0) stdout.write(lines.join(''))
  }
  const end = () => {
    ended = true
    onChange()
  }
  stdout.on('drain', onChange)
  stdout.on('error', end)
  stdout.on('close', end)

  return {
    send(message) {
      const line = toLine(message)
      waitingLength += line.length
      // nextTick runs when the promises of this turn have settled, so their answers share a write; a
      // turn with very much to say must not outrun the reader, though.
      if (waiting.push(line) === 1) process.nextTick(write)
      if (waitingLength > MAX_WAITING_LENGTH) write()
    },
    get backedUp() {
      return !ended && stdout.writableNeedDrain
    },
    get ended() {
      return ended
    },
    flushed: () =>
      new Promise((resolve) => {
        write()
        if (ended) {
          resolve()
        } else {
          stdout.once('close', resolve)
          stdout.write('', () => resolve())
        }
      }),
  }
}

const MAX_WAITING_LENGTH = 64 * 1024

/** An answer nested too deep to be written is replaced by an error, because the caller waits for one. */
function toLine(message: object): string {
  try {
    return `${JSON.stringify(message)}\n`
  } catch {
    const { id = null } = message as { id?: RequestId }
    return `${JSON.stringify(errorReply(id, rpcCodes.internalError, 'Internal error'))}\n`
  }
}
