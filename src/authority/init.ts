// `remit init`: makes a home, a master key and a store, once. The store exists from one commit on; its
// files are staged before it and placed after it, so that a crash at any point is finished or repeated by
// running it again.

import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { newId as newTypeId } from '../core/id.ts'
import type { IdPrefix } from '../core/id.ts'
import { isFreeText } from '../core/name.ts'
import { Refusal } from '../core/refusal.ts'
import { createHashingQueue } from '../crypto/hashing-queue.ts'
import { newDataKey, sealDataKey } from '../crypto/data-key.ts'
import { deriveKeys } from '../crypto/keyed-hash.ts'
import { judgeStore, nameOf, openForInit } from '../store/engine.ts'
import type { Place } from '../store/engine.ts'
import type { Store, Unit } from '../store/store.ts'
import { auditHash } from './audit-verification.ts'
import { firstRecords } from './first-records.ts'
import { homePaths, placeOf, requirePrivateHome } from './home.ts'
import { loadOrCreateMasterKey } from './master-key.ts'
import { makePrivateFolder } from './private-file.ts'
import { discardStaged, placeStaged, stage } from './staged-files.ts'

export interface InitOptions {
  readonly orgName?: string
  readonly now?: () => number
  readonly newId?: (prefix: IdPrefix) => string
}

/** What `init --json` prints; paths are absolute. */
export interface InitResult {
  readonly org_id: string
  readonly server_id: string
  readonly admin: { readonly agent_id: string; readonly credential_file: string }
  readonly local: { readonly agent_id: string; readonly credential_file: string }
}

/** Refuses with `conflict` where there is a store, or files of a store that is gone. */
export async function initStore(config: Config, options: InitOptions = {}): Promise<InitResult> {
  const { orgName = 'default', newId = newTypeId } = options
  if (orgName === '' || !isFreeText(orgName)) {
    throw new Refusal('invalid_request', { message: 'The name of the organisation is malformed.' })
  }
  const paths = homePaths(config.home)
  const files = [paths.registration, paths.adminCredential, paths.localCredential]
  makePrivateFolder(config.home)
  requirePrivateHome(config.home)
  const place = placeOf(config)
  await refuseExisting(place, files)
  const masterKey = loadOrCreateMasterKey(config)
  const dataKey = newDataKey()
  const keys = deriveKeys(dataKey)
  const store = await openForInit(place, {
    keys: () => keys,
    hashOf: auditHash,
    onDamage: () => undefined,
  })
  try {
    const storeId = newId('org').slice('org_'.length)
    const now = (options.now ?? systemSeconds)()
    const records = await firstRecords(
      { keys, hashing: createHashingQueue({ concurrency: 2, depth: 2 }), newId, now },
      {
        orgName,
        storeId,
        issuer: config.issuer ?? `urn:remit:${storeId}`,
        sealedKey: sealDataKey(masterKey, dataKey, storeId),
        version: config.version,
      },
    )
    const texts = [records.registrationFile, records.adminFile, records.localFile]
    stage(new Map(files.map((path, i) => [path, texts[i] ?? ''])), storeId)
    try {
      await commitFirst(store, records.unit, now, { place, storeId })
    } catch (error) {
      discardStaged(files, storeId)
      throw error
    }
    placeStaged(files, storeId)
    discardStaged(files)
    return {
      org_id: records.orgId,
      server_id: records.serverId,
      admin: { agent_id: records.adminId, credential_file: paths.adminCredential },
      local: { agent_id: records.localId, credential_file: paths.localCredential },
    }
  } finally {
    await store.close()
  }
}

/** Of two inits at once one commits; the other, whose data key is another, sees only that it failed. */
async function commitFirst(
  store: Store,
  unit: Unit,
  now: number,
  { place, storeId }: { readonly place: Place; readonly storeId: string },
): Promise<void> {
  try {
    const [result] = await store.commit([unit], now)
    if (result?.ok === true) return
    if (result?.stale === false) throw result.error
  } catch (error) {
    const found = await judgeStore(place)
    if (found.state !== 'store') throw error
    if (found.storeId === storeId) return
  }
  throw alreadyThere(place)
}

const systemSeconds = (): number => Math.floor(Date.now() / 1000)

async function refuseExisting(place: Place, files: readonly string[]): Promise<void> {
  const found = await judgeStore(place)
  if (found.state === 'store') {
    const placed = placeStaged(files, found.storeId)
    throw placed.length === 0 ? alreadyThere(place) : finished(placed)
  }
  const leftOver = files.filter((path) => existsSync(path))
  if (leftOver.length === 0) return
  throw new Refusal('conflict', {
    message: `There is no store, but files of one: ${leftOver.join(', ')}.`,
    remedy: {
      text: 'Restore its database if it was lost. If it is to be forgotten, remove these files and run `remit init` again.',
    },
  })
}

const alreadyThere = (place: Place): Refusal =>
  new Refusal('conflict', {
    message: `There is a store at ${nameOf(place)} already; nothing was changed.`,
    remedy: {
      text: 'Use it, or choose another REMIT_HOME. `remit init --recover` gives the administrator a new credential.',
    },
  })

const finished = (placed: readonly string[]): Refusal =>
  new Refusal('conflict', {
    message: `The store was made before; what was interrupted is finished now: ${placed.join(', ')}.`,
    remedy: { text: 'The store is ready.' },
  })
