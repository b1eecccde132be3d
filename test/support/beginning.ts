// The store that a world begins with: made once, then copied for one world after the other.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { firstRecords } from '../../src/authority/first-records.ts'
import type { FirstRecords } from '../../src/authority/first-records.ts'
import { sealDataKey } from '../../src/crypto/data-key.ts'
import { createHashingQueue } from '../../src/crypto/hashing-queue.ts'
import { deriveKeys } from '../../src/crypto/keyed-hash.ts'
import { openForInit } from '../../src/store/engine.ts'
import { reservePath } from '../../src/store/reserve.ts'
import { testDatabase } from './database.ts'
import type { TestDatabase } from './database.ts'
import { countedIds } from './ids.ts'
import { whenOver } from './shared.ts'

export interface Beginning {
  readonly database: TestDatabase
  readonly issuer: string
  readonly first: FirstRecords
}

/** When every world begins, and the first of the ids that are left to it. */
export const start = 1_800_000_000
export const idsFrom = 1000

const dataKey = Buffer.alloc(32, 7)
export const keys = deriveKeys(dataKey)

/** As cheap as can be: what a guess costs is no matter here. */
export const quickHashing = () =>
  createHashingQueue({
    concurrency: 4,
    depth: 1000,
    parameters: { memoryKib: 1024, passes: 2, lanes: 1 },
  })

const homes = mkdtempSync(join(tmpdir(), 'remit-beginnings-'))
process.once('exit', () => rmSync(homes, { recursive: true, force: true }))

const unused = new Map<string | undefined, Beginning[]>()

/** One that no other world has meanwhile, so that no two at once have keys or secrets in common. */
export async function takeBeginning(issuer?: string): Promise<Beginning> {
  const of = unused.get(issuer) ?? []
  unused.set(issuer, of)
  const taken = of.pop() ?? (await make(issuer))
  whenOver(() => of.push(taken))
  return taken
}

/** A store with its first records; without an issuer of its own, under a URN. */
async function make(named?: string): Promise<Beginning> {
  const home = mkdtempSync(join(homes, 'home-'))
  const database = await testDatabase(home)
  const newId = countedIds()
  const storeId = newId('org').slice('org_'.length)
  const issuer = named ?? `urn:remit:${storeId}`
  const sealedKey = sealDataKey(Buffer.alloc(32, 1), dataKey, storeId)
  const first = await firstRecords(
    { keys, hashing: quickHashing(), newId, now: start },
    { orgName: 'test', storeId, issuer, sealedKey, version: '1' },
  )
  const opening = { keys: () => keys, hashOf: auditHash, onDamage: () => undefined }
  const store = await openForInit(database.place(), opening)
  const [result] = await store.commit([first.unit], start)
  await store.close()
  // Each world makes its own: a copy of so much costs as much.
  rmSync(reservePath(join(home, 'remit.db')), { force: true })
  if (result?.ok !== true) throw new Error('The world could not be made.')
  return { database, issuer, first }
}
