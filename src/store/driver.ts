// The driver of SQLite, in the release that runs on the Node at hand. 12 is compiled against Node itself, and from
// Node 24.19 on aborts when a statement is collected as garbage (nodejs/node#65446); 13 stands on Node-API, and is
// for Node 22 and later only. All else takes the driver from here.
import { createRequire } from 'node:module'
import type Sqlite from 'better-sqlite3'

const load = createRequire(import.meta.url)
const onNodeApi = Number.parseInt(process.versions.node, 10) >= 22

export const Database: typeof Sqlite = onNodeApi
  ? load('better-sqlite3-13')
  : load('better-sqlite3')
export type Database = Sqlite.Database
export type Statement = Sqlite.Statement
