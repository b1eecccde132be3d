// What every engine must do, in one suite that each of them runs. Whatever a module of src/store exports
// to be read or written must be run here; the last test names what was not.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { agentKeys } from './contract/agent-keys.ts'
import { auditTables } from './contract/audit.ts'
import { exercised } from './contract/bench.ts'
import type { NewDatabase } from './contract/bench.ts'
import { commits } from './contract/commits.ts'
import { denyList } from './contract/deny-list.ts'
import { grants } from './contract/grants.ts'
import { others } from './contract/others.ts'
import { records } from './contract/records.ts'
import { upkeep } from './contract/upkeep.ts'

export function runContract(name: string, database: NewDatabase): void {
  describe(`the contract on ${name}`, () => {
    describe('commits', () => {
      commits(database)
    })
    describe('records', () => {
      records(database)
    })
    describe('grants', () => {
      grants(database)
    })
    describe('other tables', () => {
      others(database)
    })
    describe('the audit', () => {
      auditTables(database)
    })
    describe('the deny-list', () => {
      denyList(database)
    })
    describe('upkeep', () => {
      upkeep(database)
    })
    describe('keys of agents', () => {
      agentKeys(database)
    })
    test('every query and write of src/store was run', async () => {
      const all = await queriesAndWrites()
      expect(all.size).toBeGreaterThan(60)
      expect([...all].filter(([, sql]) => !exercised.has(sql)).map(([each]) => each)).toEqual([])
    })
  })
}

/** What a module imports that does something itself, instead of saying what is to be done. */
const acts = /from '(?:node:|better-sqlite3|pg'|\.\/(?:driver|open|sqlite|postgres|batch|migrate))/

const folder = new URL('../../src/store/', import.meta.url)

/** By module and name, the text of everything that can be read or written. */
async function queriesAndWrites(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.ts'))) {
    if (acts.test(readFileSync(new URL(file, folder), 'utf8'))) continue
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>
    for (const [name, exported] of Object.entries(module)) {
      for (const [i, sql] of textsIn(exported).entries()) found.set(`${file} ${name} ${i}`, sql)
    }
  }
  return found
}

interface Shape {
  readonly sql?: unknown
  readonly page?: unknown
  readonly remove?: unknown
}

/** Of a query or write itself, or of what makes them from whatever it is given. */
function textsIn(exported: unknown): readonly string[] {
  const made = typeof exported === 'function' ? attempt(exported) : exported
  if (Array.isArray(made)) return made.flatMap(textsIn)
  if (typeof made !== 'object' || made === null) return []
  const { sql, page, remove } = made as Shape
  if (typeof sql === 'string') return [sql]
  return [page, remove].filter((each) => typeof each === 'function').flatMap(textsIn)
}

function attempt(make: object): unknown {
  try {
    return Reflect.apply(make as () => unknown, undefined, [anything, anything, anything, anything])
  } catch {
    return undefined
  }
}

/** Has every field, is an empty list and answers every call; as a word it is one that chooses a query. */
const anything: unknown = new Proxy(() => [], {
  get: (_, key) => {
    if (key === Symbol.toPrimitive) return () => 'parent'
    return key === Symbol.iterator ? [][Symbol.iterator].bind([]) : anything
  },
})
