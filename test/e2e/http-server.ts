// The real `remit serve` on a free port of the loopback.

import { expect } from 'vitest'
import { start } from './support.ts'
import type { Env } from './support.ts'

/** Started, and where it says it serves. */
export async function serveHttp(env: Env) {
  const child = start(['serve'], { ...env, REMIT_HTTP_PORT: '0' })
  const place = () => /serving on (http:\/\/\S+)/.exec(child.said.err)?.[1]
  await expect.poll(place, { timeout: 60_000, message: 'it does not serve' }).toBeDefined()
  return Object.assign(child, { url: place() ?? '' })
}
