// What many calls write in one go is what each would have written by itself, and who cannot be part of it is
// found out though they went together.

import { expect, test } from 'vitest'
import { chainHeads, eventsOfChain, insertEventSql, rowsOfEvents } from '../../src/store/audit.ts'
import { insertFact } from '../../src/store/facts.ts'
import { insertGrant } from '../../src/store/grants.ts'
import { recordAnswer, spendProof } from '../../src/store/idempotency.ts'
import { isTogether } from '../../src/store/postgres-together.ts'
import { insertRevocation, unrestrictedSince } from '../../src/store/revocations.ts'
import { insertToken } from '../../src/store/tokens.ts'
import type { Unit } from '../../src/store/store.ts'
import { clientOf, openPostgres, postgresDatabase, unitOf } from '../support/postgres-store.ts'
import { grant, revocation } from '../support/state.ts'

const answered = (keyHash: string, result = '{}') =>
  recordAnswer({ keyHash, operation: 'mint_token', argumentsHash: 'a', result }, 1)

const token = {
  orgId: 'org_1',
  credentialId: 'crd_1',
  audience: 'srv_1',
  kind: 'jwt',
  keyId: 'key_1',
  hash: 'hash',
  issuedAt: 1,
  expiresAt: 2,
  createdSeq: 0,
} as const

/** As a mint writes it. */
const mint = (id: string, guard: readonly string[] = []): Unit => {
  const made = { ...grant({ id: `grt_${id}` }), standing: false }
  return unitOf(
    unrestrictedSince(guard, 0),
    insertGrant({ grant: made, guard }),
    insertToken({ ...token, id: `tok_${id}`, grantId: made.id }),
    answered(id),
  )
}

async function made(together: boolean) {
  const url = postgresDatabase()
  const store = await openPostgres(url, { chain: 'chain' })
  const units = Array.from({ length: 20 }, (_, i) => mint(String(i)))
  const results = together
    ? await store.commit(units, 1)
    : (await Promise.all(units.map((unit) => store.commit([unit], 1)))).flat()
  expect(results.map(({ ok }) => ok)).toEqual(units.map(() => true))
  const client = await clientOf(url)
  const rowsOf = async (table: string) =>
    (await client.query(`select * from ${table} order by 1, 2`)).rows
  return { grants: await rowsOf('grants'), tokens: await rowsOf('tokens') }
}

test('together or not, the same rows are written', async () => {
  const rows = await made(true)
  expect([rows.grants.length, rows.tokens.length]).toEqual([20, 20])
  expect(rows).toEqual(await made(false))
})

test('of those that collide the first is taken, the others are stale, and nobody else is', async () => {
  const url = postgresDatabase()
  const store = await openPostgres(url, { chain: 'chain' })
  const units = ['a', 'b', 'a', 'c', 'b', 'd'].map((key) => unitOf(answered(key)))
  const results = await store.commit(units, 1)
  expect(results.map(({ ok }) => ok)).toEqual([true, true, false, true, false, true])
  expect(results[2]).toEqual({ ok: false, stale: true })
  expect(await store.read(chainHeads)).toMatchObject([{ seq: 4, sound: true }])
  const events = await store.read(eventsOfChain('chain', 0, 10))
  expect(events.map(({ id }) => id)).toEqual([0, 1, 3, 5].map((i) => units[i]?.events[0]?.id))
  const spent = await store.commit(
    [1, 2].map(() => unitOf(spendProof('once', 9))),
    1,
  )
  expect(spent).toMatchObject([{ ok: true }, { ok: false, error: { code: 'replay_detected' } }])
})

test('a text that the database does not take is one unit’s doing', async () => {
  const store = await openPostgres(postgresDatabase())
  const results = await store.commit(
    ['before', 'nul', 'after'].map((key) =>
      unitOf(answered(key, key === 'nul' ? '"\0"' : '"\\ud800 é \\ " \n {}"')),
    ),
    1,
  )
  expect(results).toMatchObject([{ ok: true }, { ok: false, stale: false }, { ok: true }])
})

test('what was revoked in another process leaves nothing of its grant, and everything of the others', async () => {
  const url = postgresDatabase()
  const [store, other] = [await openPostgres(url), await openPostgres(url)]
  const { seq: _, ...ended } = revocation({ target: 'grt_ended' })
  expect(await other.commit([unitOf(insertRevocation(ended))], 1)).toMatchObject([{ ok: true }])
  const results = await store.commit([mint('1'), mint('2', ['grant:grt_ended']), mint('3')], 1)
  expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
  const client = await clientOf(url)
  const { rows } = await client.query('select id from grants order by id')
  expect(rows).toEqual([{ id: 'grt_1' }, { id: 'grt_3' }])
})

test('what counts, or makes a change, is not written together', () => {
  expect(isTogether(unitOf(insertFact('a', '1')))).toBe(false)
  const { seq: _, ...ended } = revocation({ target: 'grt_ended' })
  expect(isTogether(unitOf(insertRevocation(ended)))).toBe(false)
  const standing = insertGrant({ grant: { ...grant({}), standing: true }, guard: [] })
  expect(isTogether(unitOf(standing))).toBe(false)
  expect(isTogether(mint('1'))).toBe(true)
})

test('what is declared of a shared statement is what its text says', () => {
  const each = [unrestrictedSince([], 0), insertGrant({ grant: grant(), guard: [] })]
  for (const { sql, together } of each) {
    expect(together).toBe('each')
    expect(sql.split('-- of each')).toHaveLength(2)
    expect(sql.replaceAll(/cast\(\$\d+ as (?:text|bigint)\)/g, '')).not.toContain('$')
  }
  const rows = [
    insertToken({ ...token, id: 'tok_1', grantId: 'grt_1' }),
    answered('key'),
    spendProof('once', 9),
    { sql: insertEventSql, together: rowsOfEvents },
  ]
  for (const { sql, together } of rows) {
    if (together === undefined || together === 'each') throw new Error('These are rows.')
    const { table, columns, once } = together
    const places = columns.map((_, i) => `$${i + 1}`).join(', ')
    const end = once === undefined ? '' : ` on conflict (${once}) do nothing`
    expect(
      sql
        .replaceAll(/\s+/g, ' ')
        .replaceAll(/\( | \)/g, (found) => found.trim())
        .trim(),
    ).toBe(`insert into ${table} (${columns.join(', ')}) values (${places})${end}`)
  }
})
