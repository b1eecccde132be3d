// Where everything lies: in REMIT_HOME, and the database there or behind a URL.

import { join } from 'node:path'
import type { Config } from '../config.ts'
import { isDatabaseUrl } from '../config/shapes.ts'
import { newId } from '../core/id.ts'
import type { Place } from '../store/engine.ts'
import { StoreProblem } from '../store/problem.ts'
import { fileFault, folderFault, readPrivateFile } from './private-file.ts'

export const homePaths = (home: string) => ({
  database: join(home, 'remit.db'),
  masterKey: join(home, 'master.key'),
  registration: join(home, 'registration.json'),
  credentials: join(home, 'credentials'),
  adminCredential: join(home, 'credentials', 'admin.json'),
  localCredential: join(home, 'credentials', 'local.json'),
  deliveries: join(home, 'deliveries'),
  /** Of the embedded certification authority, if there is one. */
  ca: join(home, 'ca'),
})

type Placing = Pick<Config, 'home' | 'databaseUrl' | 'databaseUrlFile' | 'revocation'>

/** Where the store is. Each process that opens one on PostgreSQL writes an audit chain of its own. */
export function placeOf(config: Placing): Place {
  const file = config.databaseUrlFile
  const url =
    config.databaseUrl ?? (file === undefined ? undefined : urlIn(file, 'REMIT_DATABASE_URL_FILE'))
  if (url === undefined) return { engine: 'sqlite', path: homePaths(config.home).database }
  const chain = newId('evt').slice('evt_'.length)
  return { engine: 'postgres', url, chain, strict: config.revocation === 'strict' }
}

/** The URL in a private file; `named` is how its user named the file. */
export function urlIn(path: string, named: string): () => string {
  const file = readPrivateFile(path)
  if (!file.ok) throw new StoreProblem('failed', `${named}: ${path} ${file.why}.`)
  const url = file.text.trim()
  if (!isDatabaseUrl(url)) {
    throw new StoreProblem('failed', `${named}: ${path} holds no postgres:// URL.`)
  }
  return () => url
}

/** Refuses a home that others could look or write into, and a database in it that they could. */
export function requirePrivateHome(home: string): void {
  const fault = folderFault(home)
  if (fault === 'does not exist') {
    throw new StoreProblem('missing', `There is no store: ${home} ${fault}. Run \`remit init\`.`)
  }
  if (fault !== undefined) throw new StoreProblem('failed', `The home ${home} ${fault}.`)
  const { database } = homePaths(home)
  for (const path of [database, `${database}-wal`]) {
    const flaw = fileFault(path)
    if (flaw === undefined || flaw === 'does not exist') continue
    throw new StoreProblem('failed', `${path} ${flaw}. Nothing was changed.`)
  }
}
