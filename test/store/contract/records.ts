// Every record comes back as it was written, is replaced only on the version it was decided on, and is
// not believed once any of its columns was tampered with.

import { describe, expect, test } from 'vitest'
import { agentById, putAgent } from '../../../src/store/agents.ts'
import { credentialById, putCredential } from '../../../src/store/credentials.ts'
import { putRegistration, putServer } from '../../../src/store/servers.ts'
import type { Write } from '../../../src/store/store.ts'
import { putTrustAnchor } from '../../../src/store/trust-anchors.ts'
import { agent, credential, server } from '../../support/state.ts'
import { bench } from './bench.ts'
import type { NewDatabase } from './bench.ts'
import { anchor, registration, rows } from './samples.ts'

/** Remarks beside what is sealed: a claim is first come, first served. */
const unsealed: ReadonlySet<string> = new Set(['handoffs.claimed_at', 'handoffs.claim_key'])

export function records(database: NewDatabase): void {
  test.each(rows.map((each, i) => [`${each.table} ${i}`, each] as const))(
    '%s: comes back as it was written',
    async (_, { record, write, reads }) => {
      const b = await bench(database)
      for (const read of reads) expect(await b.read(read)).toEqual([])
      await b.commit(write)
      for (const read of reads) expect(await b.read(read)).toEqual([record])
      expect(b.damaged).toEqual([])
    },
  )

  describe('what was tampered with is not believed', () => {
    const fullest = rows.filter((each, i) => rows[i - 1]?.table !== each.table)
    test.each(fullest.map((each) => [each.table, each] as const))(
      '%s, in any of its columns',
      async (table, { write, reads }) => {
        const b = await bench(database)
        await b.commit(write)
        const [stored = {}] = await b.rows(`select * from ${table}`)
        const columns = Object.entries(stored).filter(([name]) => !unsealed.has(`${table}.${name}`))
        expect(columns.length).toBeGreaterThan(5)
        for (const [column, value] of columns) {
          const changed = typeof value === 'number' ? value + 1 : `${value ?? ''}1`
          const set = `update ${table} set ${column} = $1`
          await b.tamper(set, [changed])
          const found = []
          for (const read of reads) found.push(...(await b.read(read)))
          expect({ column, found }).toEqual({ column, found: [] })
          await b.tamper(set, [value])
        }
        expect(b.damaged.length).toBeGreaterThanOrEqual(columns.length - 1)
        for (const read of reads) expect(await b.read(read)).toHaveLength(1)
      },
    )
  })

  describe('a version replaces exactly the one before it', () => {
    test.each<[string, (version: number) => Write]>([
      ['agents', (version) => putAgent(agent({ version }))],
      ['credentials', (version) => putCredential(credential({ version }))],
      ['servers', (recordVersion) => putServer(server({ recordVersion }))],
      ['trust_anchors', (version) => putTrustAnchor({ ...anchor, version })],
      ['registrations', (version) => putRegistration({ ...registration, version })],
    ])('%s', async (_, put) => {
      const { commit, expectStale } = await bench(database)
      await commit(put(1))
      await expectStale(put(1))
      await expectStale(put(3))
      await commit(put(2))
      await expectStale(put(2))
      await commit(put(3))
    })
  })

  test('what a record is and whose stays; what may change does', async () => {
    const b = await bench(database)
    await b.commit(putAgent(agent()), putCredential(credential()))
    const renamed = agent({ version: 2, name: 'other', owner: 'them', status: 'retired' })
    await b.commit(putAgent(renamed))
    expect(await b.read(agentById('agt_1'))).toEqual([])
    expect(b.damaged).toHaveLength(1)
    const ended = credential({ version: 2, recordedStatus: 'revoked', secretHash: 'x' })
    await b.commit(putCredential(ended))
    expect(await b.read(credentialById('crd_1'))).toEqual([ended])
  })

  test('a credential from before 007, which lists its whole line, keeps its MAC and is replaced', async () => {
    const b = await bench(database)
    await b.tamper(
      `insert into credentials (id, org_id, agent_id, kind, status, created_at, rotated_from, origin,
        version, mac)
      values ('crd_3', 'org_1', 'agt_1', 'secret', 'active', 0, 'crd_2', 'crd_1 crd_2', 1, $1)`,
      ['Vyg70i10b8cmT7xrhi8GBCpq5E08xBVD7R1oG4A5Xcs'],
    )
    const traits = { id: 'crd_3', rotatedFrom: 'crd_2', origin: 'crd_1' }
    expect(await b.read(credentialById('crd_3'))).toEqual([credential(traits)])
    const ended = credential({ ...traits, version: 2, recordedStatus: 'revoked' })
    await b.commit(putCredential(ended))
    expect(await b.read(credentialById('crd_3'))).toEqual([ended])
    expect(await b.rows(`select origin from credentials`)).toEqual([{ origin: 'crd_1' }])
    expect(b.damaged).toEqual([])
  })

  test('names are unique in an organisation', async () => {
    const { commit, expectStale } = await bench(database)
    await commit(putAgent(agent()), putServer(server()))
    await expectStale(putAgent(agent({ id: 'agt_2' })))
    await expectStale(putServer(server({ id: 'srv_2' })))
    const elsewhere = { orgId: 'org_2' }
    await commit(putAgent(agent({ id: 'agt_2', ...elsewhere })))
    await commit(putServer(server({ id: 'srv_2', ...elsewhere })))
  })
}
