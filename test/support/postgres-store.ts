// Stores on a PostgreSQL database of the test's own, a plain client beside them, and a door between them and
// the server that a test can slam.

import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { deriveKeys } from '../../src/crypto/keyed-hash.ts'
import type { UnlinkedEvent } from '../../src/core/audit-link.ts'
import { openForInit } from '../../src/store/engine.ts'
import { insertFact } from '../../src/store/facts.ts'
import type { Store, Unit, Write } from '../../src/store/store.ts'
import { dropDatabase, newDatabase } from './database.ts'

export const testKeys = deriveKeys(Buffer.alloc(32, 1))

/** The URL of a new database with the schema in it, gone when the test ends. */
export function postgresDatabase(of?: string): string {
  const name = `test_${randomBytes(8).toString('hex')}`
  const url = newDatabase(name, of)
  onTestFinished(() => {
    dropDatabase(name)
  })
  return url
}

let opened = 0

/** One more process on a database. */
export async function openPostgres(
  url: string,
  { strict = false, chain = `chain-${(opened += 1)}` } = {},
): Promise<Store> {
  const store = await openForInit(
    { engine: 'postgres', url: () => url, chain, strict },
    { keys: () => testKeys, hashOf: auditHash, onDamage: () => undefined },
  )
  onTestFinished(() => store.close())
  return store
}

export async function clientOf(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

let events = 0

/** A unit with one event. */
export function unitOf(...writes: readonly Write[]): Unit {
  events += 1
  const event: UnlinkedEvent = {
    id: `evt_${events}`,
    at: 1,
    orgId: 'org_1',
    operation: 'whoami',
    outcome: 'allowed',
    code: 'allowed',
    lineage: [],
    detail: '{}',
    count: 1,
    serverId: 'srv_1',
  }
  return { writes, events: [event] }
}

export const factUnit = (name: string): Unit => unitOf(insertFact(name, '1'))

export type Cut = 'before the commit arrives' | 'before the commit is answered'

/** A way to the server of a URL that can be cut once, in the middle of a commit. */
export async function doorTo(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const listeners = new Set<Socket>()
  let isDeaf = false
  let cut: Cut | undefined
  const door = createServer((near) => {
    const far = connect(Number(port), hostname)
    const slam = () => {
      cut = undefined
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    let commit = 'commit'
    near.on('data', (bytes) => {
      if (bytes.includes('listen remit_changes')) listeners.add(near)
      // The statement is sent in full once; from then on it goes by its name.
      commit = /(s\d+)\0commit\0/.exec(bytes.toString('latin1'))?.[1] ?? commit
      if (isDeaf && listeners.has(near)) slam()
      else if (cut === 'before the commit arrives' && bytes.includes(`${commit}\0`)) slam()
      else far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (cut === 'before the commit is answered' && bytes.includes('COMMIT\0')) slam()
      else near.write(bytes)
    })
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    door.close()
  })
  const through = (target: string): string => {
    const changed = new URL(target)
    changed.port = String((door.address() as AddressInfo).port)
    return changed.href
  }
  return {
    url: through(url),
    through,
    cutNext: (when: Cut) => {
      cut = when
    },
    isCut: () => cut === undefined,
    /** From now on nobody behind it hears of changes. */
    deafen: () => {
      isDeaf = true
      for (const listener of listeners) listener.destroy()
    },
  }
}
