// vitest runs this once before all tests: end-to-end tests start dist/main.js, so it has to be there and fresh.
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildIfStale } from './build.mjs'
import { withLock } from './lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

export async function setup() {
  const folder = `${root}test/e2e`
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  await withLock(`${root}dist/.setup.lock`, say, buildIfStale)
}

function say(text) {
  process.stderr.write(`remit: ${text}\n`)
}
