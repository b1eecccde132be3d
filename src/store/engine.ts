// Which engine a store lives in, and the few things that are done before it is open: judging, migrating,
// opening. Each engine does them in its own file; PostgreSQL's code is loaded only where it is used.

import {
  judgeFile,
  migrateFile,
  openForInit as openFileForInit,
  openStore as openFile,
  sealBy,
} from './open.ts'
import type { InitOptions, Judged, OpenedStore, OpenOptions } from './open.ts'
import { StoreProblem } from './problem.ts'
import type { Soon, Store } from './store.ts'

export type Place =
  | { readonly engine: 'sqlite'; readonly path: string }
  | {
      readonly engine: 'postgres'
      /** A closure, so that what is printed or logged does not hold the password. */
      readonly url: () => string
      /** This process's own chain of audit events. */
      readonly chain: string
      readonly strict: boolean
    }

/** How a place is named to people: a path, or the engine alone. */
export const nameOf = (place: Place): string =>
  place.engine === 'sqlite' ? place.path : 'the database behind REMIT_DATABASE_URL'

/** What is at a place, found out without writing. Throws where it is foreign, newer or damaged. */
export const judgeStore = (place: Place): Soon<Judged> =>
  place.engine === 'sqlite' ? judgeFile(place.path) : judgeUrl(place)

/** Opens and migrates an existing store. Throws a `StoreProblem` and leaves it as it is. */
export const openStore = (place: Place, options: OpenOptions): Soon<OpenedStore> =>
  place.engine === 'sqlite' ? openFile(place.path, options) : openUrl(place, options)

/** For `init` alone: a database with the schema and no store in it. Refuses where there is a store. */
export const openForInit = (place: Place, options: InitOptions): Soon<Store> =>
  place.engine === 'sqlite' ? openFileForInit(place.path, options) : openUrlForInit(place, options)

/** Brings the schema up to date, or makes it; returns its version before and after. */
export const migrateStore = async (place: Place) => {
  if (place.engine === 'sqlite') return migrateFile(place.path)
  const { judgePostgres, migratePostgres } = await import('./postgres-open.ts')
  await judgePostgres(place.url())
  return migratePostgres(place.url())
}

type Url = Extract<Place, { engine: 'postgres' }>

async function judgeUrl(place: Url): Promise<Judged> {
  const { judgePostgres } = await import('./postgres-open.ts')
  const found = await judgePostgres(place.url())
  if (found.state !== 'store') return found
  const fact = (name: string): string => {
    const value = found.facts.get(name)
    if (value !== undefined) return value
    throw new StoreProblem('damaged', `The fact ${name} is missing; restore a backup.`)
  }
  return {
    state: 'store',
    storeId: fact('store_id'),
    issuer: fact('issuer'),
    sealedKey: fact('data_key'),
    schemaVersion: found.schemaVersion,
  }
}

async function openUrl(place: Url, options: OpenOptions): Promise<OpenedStore> {
  const { migratePostgres } = await import('./postgres-open.ts')
  const found = await judgeUrl(place)
  if (found.state !== 'store') {
    throw new StoreProblem('empty', `There is no store in ${nameOf(place)}. Run \`remit init\`.`)
  }
  const keys = options.keys(found)
  const { to } = await migratePostgres(place.url())
  const { storeId, issuer } = found
  const store = await connect(place, { ...options, keys: () => keys })
  return { store, facts: { storeId, issuer }, keys, schemaVersion: to }
}

async function openUrlForInit(place: Url, options: InitOptions): Promise<Store> {
  const { migratePostgres } = await import('./postgres-open.ts')
  if ((await judgeUrl(place)).state === 'store') {
    throw new StoreProblem('exists', `There is a store in ${nameOf(place)} already.`)
  }
  await migratePostgres(place.url())
  return connect(place, options)
}

async function connect(
  { url, chain, strict }: Url,
  { keys, hashOf, onDamage }: InitOptions,
): Promise<Store> {
  const { postgresStore } = await import('./postgres.ts')
  const seal = sealBy(keys())
  return postgresStore({ url: url(), chain, strict, seal, hash: hashOf(keys()), onDamage })
}
