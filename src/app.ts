// The composition root: everything is wired here and nowhere else. What is wrong with a store, its key
// or its files comes out of here as a refusal, which has a stable code and says what to do.

import { existsSync } from 'node:fs'
import { auditHash } from './authority/audit-verification.ts'
import { createAuditBuffer } from './authority/audit-buffer.ts'
import { createCommitter } from './authority/committer.ts'
import type { Context, Log, Self, Settings } from './authority/context.ts'
import type { EnvironmentCredential } from './authority/environment.ts'
import { homePaths, placeOf, requirePrivateHome } from './authority/home.ts'
import { initStore as makeStore } from './authority/init.ts'
import type { InitOptions, InitResult } from './authority/init.ts'
import { createKeyRing } from './authority/key-ring.ts'
import { openLiveState } from './authority/live.ts'
import { recoverStore as recover } from './authority/recover.ts'
import type { RecoverResult } from './authority/recover.ts'
import { readRegistrationFile } from './authority/registration-file.ts'
import type { RegistrationFile } from './authority/registration-file.ts'
import { placeStaged } from './authority/staged-files.ts'
import { unlockBy } from './authority/unlock.ts'
import type { Config } from './config.ts'
import { newId as newTypeId } from './core/id.ts'
import type { IdPrefix } from './core/id.ts'
import { Refusal } from './core/refusal.ts'
import { createHashingQueue } from './crypto/hashing-queue.ts'
import { orgs } from './store/facts.ts'
import { migrateStore as migrateAt, openStore } from './store/engine.ts'
import type { OpenedStore } from './store/open.ts'
import { StoreProblem } from './store/problem.ts'

export interface App {
  readonly context: Context
  readonly registrationFile: RegistrationFile
  /** Aborted when the disk failed: nothing is answered any more, and the process should end. */
  readonly failed: AbortSignal
  /** Writes what the audit still owes, waits for every commit and closes the store. */
  close(): Promise<void>
}

export interface OpenAppOptions {
  readonly log: Log
  /** What the process was started with, as far as operations must know of it. */
  readonly environment?: Pick<EnvironmentCredential, 'credentialFile' | 'warnings'>
  /** Whether files may be written for callers; not over HTTP. */
  readonly localFiles?: boolean
  readonly now?: () => number
  readonly newId?: (prefix: IdPrefix) => string
}

/** Makes the store, once; `conflict` where there is one. */
export const initStore = (config: Config, options: InitOptions = {}): Promise<InitResult> =>
  starting(() => makeStore(config, options))

/** Gives the administrator a new credential and, where it is needed, this server a registration. */
export const recoverStore = (config: Config, options: InitOptions = {}): Promise<RecoverResult> =>
  starting(() => recover(config, options))

/** Brings the schema of an existing database up to date. */
export const migrateStore = (config: Config) =>
  starting(() => {
    const place = placeOf(config)
    // Behind a URL the schema is all there is: whoever only migrates needs no home.
    if (place.engine === 'sqlite') requirePrivateHome(config.home)
    return migrateAt(place)
  })

/**
 * Opens the store and wires everything that answers. Refuses a store that is missing, foreign, damaged or
 * under another key as `unavailable`, and a missing registration as `invalid_client`.
 */
export const openApp = (config: Config, options: OpenAppOptions): Promise<App> =>
  starting(async () => {
    const failing = new AbortController()
    const opened = await openExisting(config, options.log, (problem) => {
      options.log.error(
        { err: problem },
        'The disk failed under a commit; nothing is answered now.',
      )
      failing.abort()
    })
    try {
      const registrationFile = registrationOf(config, opened.facts.storeId)
      const context = await wire(config, options, opened, registrationFile)
      const { signal: failed } = failing
      return { context, registrationFile, failed, close: () => close(context) }
    } catch (error) {
      await opened.store.close()
      throw error
    }
  })

/** The store that is there, opened with the master key. */
export async function openExisting(
  config: Config,
  log: Log,
  onFailure: (problem: Error) => void = () => undefined,
): Promise<OpenedStore> {
  requirePrivateHome(config.home)
  return openStore(placeOf(config), {
    onFailure,
    keys: unlockBy(config),
    hashOf: auditHash,
    onDamage: (sql) => log.error({ sql }, 'A row that was tampered with is left out.'),
  })
}

/** A crash between init's commit and the placing of its files is finished here. */
function registrationOf(config: Config, storeId: string): RegistrationFile {
  const path = homePaths(config.home).registration
  if (!existsSync(path)) placeStaged([path], storeId)
  const read = readRegistrationFile(path)
  if (read.ok) return read.file
  throw new Refusal('invalid_client', {
    message: `This server cannot prove its registration: ${path} ${read.why}.`,
    remedy: { text: 'Put the file back, or run `remit init --recover` on the host.' },
  })
}

async function wire(
  config: Config,
  options: OpenAppOptions,
  { store, facts, keys }: OpenedStore,
  { server_id: serverId }: RegistrationFile,
): Promise<Context> {
  if (config.issuer !== undefined && config.issuer !== facts.issuer) {
    throw new Refusal('invalid_request', {
      message: `REMIT_ISSUER is not the issuer of this store, which is ${facts.issuer} for good.`,
      remedy: { text: 'Unset REMIT_ISSUER, or set it to that.' },
    })
  }
  const { log, now = systemSeconds, newId = newTypeId } = options
  const [org] = await store.read(orgs)
  if (org === undefined) throw new StoreProblem('damaged', 'The store has no organisation.')
  const self: Self = { ...facts, serverId, orgId: org.id }
  const live = await openLiveState(store)
  const committer = createCommitter(store, live, now)
  return {
    now,
    newId,
    store,
    live,
    keys,
    ring: createKeyRing(live, keys),
    committer,
    audit: createAuditBuffer(committer),
    hashing: createHashingQueue({ concurrency: 2, depth: 64 }),
    settings: settingsOf(config, options),
    self,
    log,
  }
}

function settingsOf(config: Config, { environment, localFiles = true }: OpenAppOptions): Settings {
  const {
    masterKey: _,
    masterKeyFile: _file,
    issuer: _issuer,
    http: _http,
    logLevel: _level,
    ...rest
  } = config
  const { credentialFile, warnings = [] } = environment ?? {}
  return {
    ...rest,
    localFiles,
    ...(credentialFile !== undefined && { credentialFile }),
    warnings: [...config.warnings, ...warnings],
  }
}

async function close({ audit, committer, store, log }: Context): Promise<void> {
  try {
    await audit.flush()
  } catch (error) {
    log.error({ err: error }, 'The last events of the audit could not be written.')
  }
  await committer.idle()
  await store.close()
}

const systemSeconds = (): number => Math.floor(Date.now() / 1000)

/**
 * Problems of a store leave as refusals: `conflict` where there is one already, else `unavailable`, as those of
 * its files do.
 */
export async function starting<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreProblem) && !isOfFiles(error)) throw error
    const isThere = error instanceof StoreProblem && error.kind === 'exists'
    const code = isThere ? 'conflict' : 'unavailable'
    throw new Refusal(code, { message: error.message, cause: error })
  }
}

/** The system does not let its files be made or written; its words name which. */
const isOfFiles = (error: unknown): error is Error =>
  /^(?:EACCES|EPERM|EROFS|ENOSPC|EDQUOT|EIO)$/.test(
    String((error as { readonly code?: unknown } | null)?.code),
  )
