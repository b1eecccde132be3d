// Where everything in REMIT_HOME lies.

import { join } from 'node:path'
import { StoreProblem } from '../store/problem.ts'
import { folderFault } from './private-file.ts'

export const homePaths = (home: string) => ({
  database: join(home, 'remit.db'),
  masterKey: join(home, 'master.key'),
  registration: join(home, 'registration.json'),
  credentials: join(home, 'credentials'),
  adminCredential: join(home, 'credentials', 'admin.json'),
  localCredential: join(home, 'credentials', 'local.json'),
  deliveries: join(home, 'deliveries'),
})

/** Refuses a home that others could look or write into. */
export function requirePrivateHome(home: string): void {
  const fault = folderFault(home)
  if (fault === undefined) return
  if (fault === 'does not exist') {
    throw new StoreProblem('missing', `There is no store: ${home} ${fault}. Run \`remit init\`.`)
  }
  throw new StoreProblem('failed', `The home ${home} ${fault}.`)
}
