// The body of a request, whole and within its limit, before anything looks at it.

import type { IncomingMessage } from 'node:http'
import { Fault } from './faults.ts'

/** Refuses a longer one as 413, by what it declares or as soon as it is. */
export async function readBody(incoming: IncomingMessage, mostBytes: number): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > mostBytes) throw new Fault('too_large')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Fault('too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
