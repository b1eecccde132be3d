// Mints and audit events on PostgreSQL, durable before the answer, beside the very same rows and signatures
// written one at a time through a pool of 16. Those others have it easier: nobody authenticates or decides
// anything, and each connection has a chain of its own to put its events on.

import { generateKeyPairSync, sign } from 'node:crypto'
import pg from 'pg'
import { auditHash } from '../../src/authority/audit-verification.ts'
import { chainStart, linkText } from '../../src/core/audit-link.ts'
import { eventValues, insertEventSql, putHead } from '../../src/store/audit.ts'
import { sealBy } from '../../src/store/open.ts'
import { settingsFor, statementNames } from '../../src/store/postgres-settings.ts'
import type { Unit } from '../../src/store/store.ts'
import { makeHome, tokenIn } from './support/home.ts'
import { comparePair, perSecond } from './support/measure.ts'
import { startDatabase } from './support/postgres.ts'

const count = 1024
const inFlight = 256
const connections = 16

const database = await startDatabase()
const home = await makeHome({ REMIT_DATABASE_URL: await database.make('ours') })
const { context } = home
const seal = sealBy(context.keys)
const hash = auditHash(context.keys)
const pool = new pg.Pool({
  ...settingsFor(await database.migrated('others')),
  connectionTimeoutMillis: 0,
  max: connections,
})
const names = statementNames()
const chains = Array.from({ length: connections }, (_, i) => ({
  chain: `chain-${i}`,
  seq: 0,
  hash: chainStart,
}))
const { privateKey } = generateKeyPairSync('ed25519')

const mint = { scopes: ['demo:read'], delivery: 'meta' }
const token = tokenIn(await home.result('mint_token', mint, home.as.local))
const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1')

/** What Remit committed for the calls of a round. */
let committed: Unit[] = []
const { commit } = context.store
Object.assign(context.store, {
  commit: (units: readonly Unit[], at: number) => {
    committed.push(...units)
    return commit(units, at)
  },
})

await home.result('mint_token', mint, home.as.local)
const minted = committed.at(-1)
await compare('mint_token', async () => {
  await home.result('mint_token', mint, home.as.local)
})
const [sample] = minted?.events ?? []
if (sample === undefined) throw new Error('A mint had no event.')
await compare('audit events', () =>
  context.committer.submit({ writes: [], events: [{ ...sample, id: context.newId('evt') }] }),
)
await pool.end()
await home.close()
await database.stop()

async function compare(name: string, ours: () => Promise<unknown>) {
  let theirs: Unit[] = []
  await comparePair({
    name: `${name} on PostgreSQL, durable, ${inFlight} in flight`,
    unit: 'per second',
    ours: async () => {
      committed = []
      const rate = await perSecond(count, () => flood(count, ours))
      theirs = committed.filter(({ events }) => events.length > 0)
      return rate
    },
    other: {
      name: 'the same rows and signatures, one at a time through a pool of 16',
      round: () => {
        const units = theirs.splice(0)
        const isMint = name === 'mint_token'
        return perSecond(units.length, () =>
          flood(units.length, () => writeOneAtATime(units.pop(), isMint)),
        )
      },
    },
    aim: 4,
  })
}

async function flood(many: number, one: () => Promise<unknown>): Promise<void> {
  let left = many
  const work = async () => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: inFlight }, work))
}

async function writeOneAtATime(unit: Unit | undefined, isMint: boolean): Promise<void> {
  if (unit === undefined) return
  if (isMint) sign(null, signed, privateKey)
  const client = await pool.connect()
  const own = chains.pop()
  if (own === undefined) throw new Error('There is no chain.')
  const at = context.now()
  const point = { seq: 0, at, seal }
  const run = (sql: string, values: Parameters<typeof names.of>[1]) =>
    client.query(names.of(sql, values))
  await run('begin', [])
  for (const { sql, values } of unit.writes) await run(sql, values(point))
  for (const event of unit.events) {
    const { chain } = own
    const linked = { ...event, chain, seq: own.seq + 1, previous: own.hash }
    const linkedHash = hash(linkText(linked))
    await run(insertEventSql, eventValues({ ...linked, hash: linkedHash }))
    Object.assign(own, { seq: linked.seq, hash: linkedHash })
  }
  const head = putHead({ ...own, at })
  await run(head.sql, head.values(point))
  await run('commit', [])
  chains.push(own)
  client.release()
}
