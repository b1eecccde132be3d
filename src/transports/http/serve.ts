// The HTTP server: listens, and stops in an orderly way. Every request is answered exactly once; those that
// were taken in are answered before it ends.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Door } from './door.ts'
import { listenerFor } from './listener.ts'

export interface Serving {
  /** Such as `http://127.0.0.1:8420`. */
  readonly url: string
  /** Takes in nothing more, and settles when every request has been answered. */
  stop(): Promise<void>
}

export async function serveHttp(door: Door): Promise<Serving> {
  const { host, port } = door.settings
  const server = createServer(listenerFor(door))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const bound = server.address() as AddressInfo
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}
