// What a world leaves behind: its events, every column of every table, and every file below its home.

import Database from 'better-sqlite3'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Presented } from '../../src/authority/presented.ts'
import type { AuditEvent } from '../../src/core/audit-link.ts'
import type { Answer } from '../../src/operations/perform.ts'
import { eventsOfChain } from '../../src/store/audit.ts'
import type { World } from './world.ts'

/** Every event so far, oldest first, those of strangers included. */
export async function eventsOf(
  { context }: Pick<World, 'context'>,
  operation?: string,
): Promise<readonly AuditEvent[]> {
  await context.audit.flush()
  const events = await context.store.read(eventsOfChain('main', 1, 100_000))
  return events.filter((event) => operation === undefined || event.operation === operation)
}

/** The fixed names of what the audit was to remember, oldest first. */
export async function findingsOf(w: Pick<World, 'context'>): Promise<readonly string[]> {
  const details = (await eventsOf(w)).map(({ detail }) => JSON.parse(detail) as object)
  return details.flatMap((detail) =>
    'finding' in detail && typeof detail.finding === 'string' ? [detail.finding] : [],
  )
}

export type Rows = Readonly<Record<string, unknown>>[]

/** All rows of all tables, by table. */
export function tablesOf({ home }: Pick<World, 'home'>): Readonly<Record<string, Rows>> {
  const db = new Database(join(home, 'remit.db'), { readonly: true })
  try {
    const names = db
      .prepare(`select name from sqlite_master where type = 'table' order by name`)
      .pluck()
      .all() as string[]
    return Object.fromEntries(
      names.map((name) => [
        name,
        db.prepare(`select * from "${name}" order by 1, 2`).all() as Rows,
      ]),
    )
  } finally {
    db.close()
  }
}

const remarks: ReadonlySet<string> = new Set([
  'audit_events',
  'audit_heads',
  'audit_checkpoints',
  'credential_uses',
  'server_sightings',
])

/** What a refused call must leave as it was: everything but the audit and when something was last seen. */
export const authorityIn = (w: Pick<World, 'home'>): Readonly<Record<string, Rows>> =>
  Object.fromEntries(Object.entries(tablesOf(w)).filter(([name]) => !remarks.has(name)))

/** The bytes of every file below a folder, as latin-1 text, by path. */
export function filesBelow(folder: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name)
    if (lstatSync(path).isFile()) found[name] = readFileSync(path, 'latin1')
  }
  return found
}

/** What was handed out in the result's metadata. */
export function handedIn(answer: Answer): string {
  if (!answer.ok) throw answer.refusal
  const text = answer.meta?.['dev.remit/token'] ?? answer.meta?.['dev.remit/secret']
  if (text === undefined) throw new Error('Nothing was handed out in the metadata.')
  return text
}

/** A caller by the token that an answer handed out. */
export const byToken = (answer: Answer): Presented => ({
  kind: 'token',
  presentedToken: handedIn(answer),
})

/** The id of the grant that an answer is about. */
export function grantIn(answer: Answer): string {
  if (!answer.ok) throw answer.refusal
  return String(answer.result['grant_id'])
}
