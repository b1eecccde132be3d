// What can go wrong under a store while servers use it, chosen by chance: each fault begins, lasts while calls
// are made, and is ended again. Nobody repairs anything; all that a host would do is start a server again.

import { writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { Database } from '../../../src/store/driver.ts'
import type { Env, Home, Server } from '../../e2e/support.ts'
import { isOnPostgres } from '../../support/database.ts'
import { clientOf, doorTo } from '../../support/postgres-store.ts'
import type { Chance } from '../../support/seeded.ts'
import { faultyDisk } from './disk-faults.ts'
import type { Order } from './disk-faults.ts'
import { folderSize } from './folder-size.ts'

export interface Fault {
  readonly what: string
  /** Returns what ends it. */
  begin(): Promise<() => unknown>
}

export interface Faults {
  /** What servers are started with that are to meet them. */
  readonly env: Env
  choose(servers: readonly Server[], chance: Chance): Fault
}

export const randomFaults = (own: Home): Promise<Faults> =>
  isOnPostgres() ? ofDatabase(own) : Promise.resolve(ofDisk(own))

const ofServers = (servers: readonly Server[], chance: Chance): readonly Fault[] => {
  const server = chance.of(servers)
  return [
    {
      what: 'a server killed',
      begin: async () => {
        await wait(chance.below(30))
        await server.kill()
        return () => undefined
      },
    },
    {
      what: 'a server that stands still',
      begin: async () => {
        process.kill(server.pid, 'SIGSTOP')
        await wait(chance.below(100))
        process.kill(server.pid, 'SIGCONT')
        return () => undefined
      },
    },
  ]
}

function ofDisk(own: Home): Faults {
  const disk = faultyDisk()
  const files = ['remit.db', 'remit.db-wal', 'checkpoints.jsonl']

  const failing = (chance: Chance): Fault => {
    const order: Order = {
      fail: chance.of(['write', 'sync', 'read', 'truncate'] as const),
      path: `/${chance.of(files)}`,
      error: chance.of(['EIO', 'ENOSPC'] as const),
      pass: chance.below(20),
      times: 1 + chance.below(3),
    }
    return ordered(`${order.error} at ${order.fail} of ${order.path}`, order)
  }
  const full = (chance: Chance): Fault => {
    const space = folderSize(own.path) + chance.below(64) * 1024
    return ordered(`a disk of ${space} bytes`, { space, folder: own.path })
  }
  const ordered = (what: string, order: Order): Fault => ({
    what,
    begin: () => {
      disk.order(order)
      return Promise.resolve(() => disk.order())
    },
  })
  const busy = (chance: Chance): Fault => ({
    what: 'a writer that holds the lock',
    begin: () => {
      const db = new Database(own.file('remit.db'))
      db.exec('begin immediate')
      const held = wait(chance.below(300)).then(() => db.close())
      return Promise.resolve(() => held)
    },
  })

  return {
    env: disk.env,
    choose: (servers, chance) =>
      chance.of([
        ...[0, 1, 2, 3].map(() => failing(chance)),
        full(chance),
        busy(chance),
        ...ofServers(servers, chance),
      ]),
  }
}

async function ofDatabase(own: Home): Promise<Faults> {
  const url = own.databaseUrl ?? ''
  const door = await doorTo(url)
  const file = own.file('url-of-the-door')
  writeFileSync(file, door.url, { mode: 0o600 })
  const name = new URL(url).pathname.slice(1)
  const outside = await clientOf(new URL('/postgres', url).href)
  const endAll = () =>
    outside.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [
      name,
    ])
  const nothing = () => undefined

  const holding = async (chance: Chance): Promise<() => Promise<unknown>> => {
    const late: pg.Client = await clientOf(url)
    await late.query('begin')
    await late.query('select pg_advisory_xact_lock(4207849484)')
    const held = wait(chance.below(300)).then(() => late.end())
    return () => held
  }

  return {
    env: { REMIT_DATABASE_URL_FILE: file },
    choose: (servers, chance) =>
      chance.of<Fault>([
        ...(['before the commit arrives', 'before the commit is answered'] as const).map(
          (when): Fault => ({
            what: `a connection cut ${when}`,
            begin: () => {
              door.cutNext(when)
              return Promise.resolve(nothing)
            },
          }),
        ),
        { what: 'every connection ended', begin: () => endAll().then(() => nothing) },
        {
          what: 'a database that lets nobody in',
          begin: async () => {
            await outside.query(`alter database ${name} allow_connections false`)
            await endAll()
            return () => outside.query(`alter database ${name} allow_connections true`)
          },
        },
        { what: 'a writer that holds the lock', begin: () => holding(chance) },
        ...ofServers(servers, chance),
      ]),
  }
}
