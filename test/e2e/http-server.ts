// The real `remit serve` on a free port of the loopback.

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { start } from './support.ts'
import type { Env } from './support.ts'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Started, and where it says it serves. */
export async function serveHttp(env: Env, port = 0) {
  const child = start(['serve'], { ...env, REMIT_HTTP_PORT: String(port) })
  const place = () => /serving on (http:\/\/\S+)/.exec(child.said.err)?.[1]
  await expect.poll(place, { timeout: 60_000, message: 'it does not serve' }).toBeDefined()
  return Object.assign(child, { url: place() ?? '' })
}
