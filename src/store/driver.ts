// The driver of SQLite, in the release that runs on the Node at hand. 12 is compiled against Node itself, and from
// Node 24.19 on aborts when a statement is collected as garbage (nodejs/node#65446); 13 stands on Node-API, and is
// for Node 22 and later only. All else takes the driver from here; packages that were installed under another Node
// may lack it, or have it for that one.
import { createRequire } from 'node:module'
import type Sqlite from 'better-sqlite3'
import { StoreProblem } from './problem.ts'

export type Database = Sqlite.Database
export type Statement = Sqlite.Statement

/** The driver for this release of Node, loaded when the first database is opened. */
export function driverFor(node: string, load: (name: string) => unknown): typeof Sqlite {
  const name = Number.parseInt(node, 10) >= 22 ? 'better-sqlite3-13' : 'better-sqlite3'
  const orProblem = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw doesNotLoad(error) ? unusable(name, node, error) : error
    }
  }
  const driver = () => orProblem(() => load(name) as typeof Sqlite)
  return new Proxy(function lazily() {} as unknown as typeof Sqlite, {
    construct: (_, given: ConstructorParameters<typeof Sqlite>) => {
      const Driver = driver()
      return orProblem(() => new Driver(...given))
    },
    get: (_, property) => Reflect.get(driver(), property) as unknown,
  })
}

export const Database = driverFor(process.versions.node, createRequire(import.meta.url))

/** Not there, built for another Node, or never built: then a list of where its binary was looked for is told. */
const doesNotLoad = (error: unknown): boolean => {
  const { code, tries } = error as { readonly code?: unknown; readonly tries?: unknown }
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' || tries !== undefined
}

const unusable = (name: string, node: string, cause: unknown): StoreProblem =>
  new StoreProblem(
    'no_driver',
    `The driver of SQLite, ${name}, does not load on Node ${node}: the packages were installed under another Node. Install them again with the Node that runs them (npm ci in a clone, else npm install remit-mcp)`,
    { cause },
  )
