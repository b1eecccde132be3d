// The body of a request, whole and within its limit, before anything looks at it.

import type { IncomingMessage } from 'node:http'
import { Fault } from './faults.ts'

const nothing = Buffer.alloc(0)

/** Refuses a longer one as 413: by what it declares, else as soon as it is. */
export function readBody(incoming: IncomingMessage, mostBytes: number): Promise<Buffer> | Buffer {
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
  if (length === undefined && coding === undefined) return nothing
  if (Number(length ?? 0) > mostBytes) throw new Fault('too_large')
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    incoming
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > mostBytes) reject(new Fault('too_large'))
        else chunks.push(chunk)
      })
      .once('end', () => {
        const [only = nothing] = chunks
        resolve(chunks.length > 1 ? Buffer.concat(chunks) : only)
      })
      .once('close', () => {
        if (!incoming.readableEnded) reject(new Error('The client is gone.'))
      })
  })
}

/** How much of what is refused is read on, so that its sender gets to read the answer. */
const mostDiscarded = 64 * 1024 * 1024

/** Lets the rest of a refused body arrive and go nowhere; `then` runs when there is no more to wait for. */
export function discardBody(incoming: IncomingMessage, then: () => void): void {
  if (incoming.complete || incoming.destroyed) return then()
  let left = mostDiscarded
  incoming
    .removeAllListeners('data')
    .on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) incoming.destroy()
    })
    .once('close', then)
    .once('end', then)
}
