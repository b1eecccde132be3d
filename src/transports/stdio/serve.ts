// MCP over stdin and stdout, both protocol eras. Every request is answered exactly once; no line, reader
// or flood ends the server or fills its memory. stdout carries the protocol and nothing else.
import type { Readable, Writable } from 'node:stream'
import type { Log } from '../mcp/rpc-error.ts'
import { rpcCodes } from '../mcp/rpc-error.ts'
import type { Surface } from '../surface.ts'
import { createConnection } from './connection.ts'
import { createInFlight, MAX_IN_FLIGHT } from './in-flight.ts'
import { createLineCutter, MAX_LINE_BYTES, tooLong } from './lines.ts'
import type { Message } from './message.ts'
import { errorReply, notJson, readLine } from './message.ts'
import { createOutput } from './output.ts'
import { createSignal } from './signal.ts'

export interface StdioOptions {
  readonly surface: Surface
  readonly stdin: Readable
  readonly stdout: Writable
  readonly log: Log
}

/**
 * Serves until input ends or the reader is gone, and settles when every call received has been answered.
 * Destroying `stdin` stops it in the same orderly way.
 */
export async function serveStdio({ surface, stdin, stdout, log }: StdioOptions): Promise<void> {
  const changed = createSignal()
  const output = createOutput(stdout, () => {
    if (output.ended) stdin.destroy()
    changed.notify()
  })
  const inFlight = createInFlight(changed.notify)
  const send = (message: object) => {
    output.send(message)
    inFlight.answered(message)
  }
  const connection = createConnection(surface, send, log)
  const hand = (message: Message) => {
    if (inFlight.cancelsCall(message)) return undefined
    inFlight.received(message)
    return connection.receive(message)
  }
  const hasRoom = () => !output.backedUp && inFlight.count < MAX_IN_FLIGHT

  const cutter = createLineCutter()
  if (output.ended) stdin.destroy()
  for await (const chunk of untilGone(stdin)) {
    for (const line of cutter.cut(chunk)) {
      if (output.ended) break
      const reading = line === tooLong ? lineTooLong : readLine(line)
      if (reading?.reply) output.send(reading.reply)
      if (reading?.message) await hand(reading.message)
      if (!hasRoom()) await changed.until(hasRoom)
    }
  }
  // A last line without its newline was cut off: it is answered, not run.
  if (cutter.unfinished()) output.send(notJson)
  await changed.until(() => inFlight.count === 0)
  await connection.close()
  await output.flushed()
}

/** The chunks of a stream; one that is destroyed or breaks has ended like any other. */
async function* untilGone(stdin: Readable): AsyncGenerator<Buffer> {
  try {
    yield* stdin
  } catch (thrown) {
    if (!stdin.destroyed) throw thrown
  }
}

const lineTooLong = {
  reply: errorReply(
    null,
    rpcCodes.invalidRequest,
    `Invalid request: a line may have ${MAX_LINE_BYTES} bytes`,
  ),
  message: undefined,
}
