// A check that was asked before, through the one path of every call with its audit, beside what it would cost
// to ask PostgreSQL for a single row by its key.

import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'
import { grantById } from '../../src/store/grants.ts'
import { settingsFor, statementNames } from '../../src/store/postgres-settings.ts'
import { makeHome, tokenIn } from './support/home.ts'
import { comparePair, perSecond } from './support/measure.ts'
import { startDatabase } from './support/postgres.ts'

const checks = 20_000
const selects = 1000

const database = await startDatabase()
const url = await database.make('checks')
const home = await makeHome({ REMIT_DATABASE_URL: url })
const client = new pg.Client(settingsFor(url))
await client.connect()
const names = statementNames()

const minted = await home.result(
  'mint_token',
  { scopes: ['demo:read'], delivery: 'meta' },
  home.as.local,
)
const holder = { kind: 'token' as const, presentedToken: tokenIn(minted) }
const { sql, values } = grantById(String(minted.result['grant_id']))
const question = { permissions: ['demo/notes:read'] }

await comparePair({
  name: 'hot checks on PostgreSQL, with their audit',
  unit: 'per second',
  ours: async () => {
    const rate = await perSecond(checks, async () => {
      for (let i = 0; i < checks; i++) {
        const answer = home.call('check_permission', question, holder)
        const { ok } = await answer
        if (!ok) throw new Error('A check was not allowed.')
        // What was notified meanwhile is heard between turns.
        if (i % 100 === 99) await nextTurn()
      }
    })
    await home.context.audit.flush()
    return rate
  },
  other: {
    name: 'selects of one row by its key, by `pg`',
    round: () =>
      perSecond(selects, async () => {
        for (let i = 0; i < selects; i++) {
          const { rowCount } = await client.query(names.of(sql, values))
          if (rowCount !== 1) throw new Error('The row was not there.')
        }
      }),
  },
  aim: 30,
})
await client.end()
await home.close()
await database.stop()
