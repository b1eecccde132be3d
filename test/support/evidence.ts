// What a world leaves behind: its events, every column of every table, and every file below its home.

import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Presented } from '../../src/authority/presented.ts'
import type { AuditEvent } from '../../src/core/audit-link.ts'
import type { Answer } from '../../src/operations/perform.ts'
import { chainHeads, eventsOfChain } from '../../src/store/audit.ts'
import type { Rows } from './database.ts'
import type { World } from './world.ts'

/** Every event so far, oldest first, those of strangers included. */
export async function eventsOf(
  { context }: Pick<World, 'context'>,
  operation?: string,
): Promise<readonly AuditEvent[]> {
  await context.audit.flush()
  const heads = await context.store.read(chainHeads)
  const chains = heads.map(({ chain }) => context.store.read(eventsOfChain(chain, 1, 100_000)))
  const events = (await Promise.all(chains)).flat()
  if (chains.length > 1) events.sort((a, b) => (a.id < b.id ? -1 : 1))
  return events.filter((event) => operation === undefined || event.operation === operation)
}

/** The fixed names of what the audit was to remember, oldest first. */
export async function findingsOf(w: Pick<World, 'context'>): Promise<readonly string[]> {
  const details = (await eventsOf(w)).map(({ detail }) => JSON.parse(detail) as object)
  return details.flatMap((detail) =>
    'finding' in detail && typeof detail.finding === 'string' ? [detail.finding] : [],
  )
}

/** All rows of all tables, by table. */
export const tablesOf = ({ tables }: Pick<World, 'tables'>): Readonly<Record<string, Rows>> =>
  tables()

const remarks: ReadonlySet<string> = new Set([
  'audit_events',
  'audit_heads',
  'audit_checkpoints',
  'credential_uses',
  // Kept at the first use of a secret, whatever comes of it.
  'request_keys',
  'certificate_sightings',
  'used_proofs',
  'server_sightings',
])

/** What a refused call must leave as it was: everything but the audit and when something was last seen. */
export const authorityIn = (w: Pick<World, 'tables'>): Readonly<Record<string, Rows>> =>
  Object.fromEntries(Object.entries(tablesOf(w)).filter(([name]) => !remarks.has(name)))

/** The bytes of every file below a folder, as latin-1 text, by path: without the reserve, which is noise. */
export function filesBelow(folder: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name)
    if (!name.endsWith('-reserve') && lstatSync(path).isFile())
      found[name] = readFileSync(path, 'latin1')
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
